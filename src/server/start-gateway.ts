import type { Logger } from 'pino';
import { SyncDesk } from '../dispatch/sync-desk.ts';
import type { JobTypeRegistry } from '../domain/job-type-registry.ts';
import { Feed, type FeedTuning } from '../feed/feed.ts';
import { type Context, createContext, type Gateway, keyOfViewer, renewContext } from '../graphql/context.ts';
import { schema } from '../graphql/schema.ts';
import { createNotifier, type NotifierOptions } from '../notices/notifier.ts';
import type { Database } from '../store/database.ts';
import { isDatabaseUnavailable } from '../store/database-faults.ts';
import { DEFAULT_PICTURES_PER_JOB } from '../store/put-picture.ts';
import type { Store } from '../store/store.ts';
import { syncWorkers } from '../store/sync-workers.ts';
import { createSweep, type Sweep } from '../sweep/sweep.ts';
import { createApp } from './app.ts';
import type { Caller } from './caller.ts';
import { EXAMPLE_OPERATIONS } from './example-operations.ts';
import { extensionRoutes } from './extension-repository.ts';
import { logRoute } from './log-route.ts';
import { pictureRoutes } from './picture-routes.ts';
import { VERSION } from './version.ts';

export interface GatewayOptions {
  readonly database: Database;
  readonly jobTypes: JobTypeRegistry;
  readonly logger: Logger;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly allowAnonymous: boolean;
  readonly leaseSeconds: number;
  readonly retryDelaySeconds: number;
  readonly logLimitBytes: number;
  /** 2,000 when nothing is given. */
  readonly picturesPerJob?: number;
  /** Who is told when a job has ended; nobody when left out. */
  readonly webhooks?: Pick<NotifierOptions, 'urls' | 'key' | 'pausesMs'>;
  /** Another clock than the machine's, for tests. */
  readonly now?: () => Date;
  /** Other times and sizes of the live streams than the usual ones. */
  readonly feed?: FeedTuning;
}

/** A gateway that answers. */
export interface RunningGateway {
  /** `http://HOST:PORT` */
  readonly url: string;
  readonly store: Store;
  readonly sweep: Sweep;
  /** Ends everything but the database, which is the caller's. Idempotent. */
  close(graceMs?: number): Promise<void>;
}

/** What is under way gets this long (ms) to end when the gateway shuts down. */
const GRACE_MS = 3_000;

/**
 * Puts a gateway together on a migrated database and lets it answer.
 *
 * @throws SetupError when the address is taken, not allowed or not this machine's
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { database, logger } = options;
  const store: Store = {
    pool: database.pool,
    prisma: database.prisma,
    now: options.now ?? (() => new Date()),
    leaseMs: options.leaseSeconds * 1000,
    retryDelayMs: options.retryDelaySeconds * 1000,
    logLimitBytes: options.logLimitBytes,
    picturesPerJob: options.picturesPerJob ?? DEFAULT_PICTURES_PER_JOB,
    announce: (change) => {
      desk.poke(change);
      feed.wake(change);
    },
  };
  const desk = new SyncDesk((calls) => syncWorkers(store, calls));
  const feed = new Feed({ ...options.feed, store, logger, onRemoteChange: (change) => desk.poke(change) });
  const gateway: Gateway = { store, desk, jobTypes: options.jobTypes, feed, version: VERSION };
  const sweep = createSweep(store, logger);
  const authenticate = (caller: Caller) => createContext(gateway, caller);
  const app = createApp({
    schema,
    createContext: authenticate,
    sharing: {
      keyOf: (context) => keyOfViewer(context as Context),
      renew: (context) => renewContext(context as Context),
    },
    logger,
    version: VERSION,
    host: options.host,
    port: options.port,
    allowAnonymous: options.allowAnonymous,
    isReady: async () => {
      await store.pool.query('SELECT 1');
      return { ok: true, reasons: [] };
    },
    isDatabaseUnavailable,
    exampleOperations: EXAMPLE_OPERATIONS,
    routes: [logRoute({ store, authenticate }), ...pictureRoutes({ store, authenticate }), ...extensionRoutes()],
  });
  await sweep.dropWhatIsOld();
  await feed.start();
  const { url } = await app.listen().catch(async (error) => {
    await feed.stop();
    throw error;
  });
  sweep.start();
  const notifier = options.webhooks && createNotifier({ ...options.webhooks, feed, version: VERSION, logger });
  notifier?.start();
  let closed: Promise<void> | undefined;
  return {
    url,
    store,
    sweep,
    close(graceMs = GRACE_MS) {
      closed ??= (async () => {
        desk.close();
        await Promise.all([app.close(graceMs), sweep.stop(), notifier?.stop()]);
        // Not before: streams that the feed ends are complete for their clients, which then do not come back.
        await feed.stop();
      })();
      return closed;
    },
  };
}

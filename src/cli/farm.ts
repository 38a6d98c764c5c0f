import { join } from 'node:path';
import type { Logger } from 'pino';
import { type JobTypeRegistry, joinJobTypes } from '../domain/job-type-registry.ts';
import { BUILT_IN_JOB_TYPES } from '../job-types/built-in.ts';
import type { NotifierOptions } from '../notices/notifier.ts';
import { OwnJobTypes } from '../own-job-types/own-job-types.ts';
import { checkListenHost } from '../server/listen-address.ts';
import { startGateway } from '../server/start-gateway.ts';
import { DEFAULT_LOG_LIMIT_BYTES } from '../store/append-task-log.ts';
import { openDataDirectory } from '../store/data-directory.ts';
import { openDatabase } from '../store/database.ts';
import { startEmbedded } from '../store/embedded.ts';
import { migrate } from '../store/migrate.ts';
import { type LocalWorker, startLocalWorker } from './local-worker.ts';
import { UndoStack } from './undo-stack.ts';

export interface FarmOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly dataDirectory: string;
  /** A server of one's own; without it the gateway runs PostgreSQL in the data directory. */
  readonly databaseUrl?: string;
  /** A folder with job types of one's own. */
  readonly jobTypes?: string;
  readonly hasWorker: boolean;
  /** What the worker's command gets beside its gateway and folders. */
  readonly workerArguments?: readonly string[];
  readonly allowAnonymous: boolean;
  readonly leaseSeconds: number;
  readonly retryDelaySeconds: number;
  /** 2,000 when nothing is given. */
  readonly picturesPerJob?: number;
  readonly webhooks?: Pick<NotifierOptions, 'urls' | 'key'>;
  readonly logLevel: string;
}

/** A gateway with its database and, as a rule, a worker on this machine. */
export interface Farm {
  readonly url: string;
  /** Absolute, without symbolic links. */
  readonly dataDirectory: string;
  readonly jobTypes: JobTypeRegistry;
  readonly worker: LocalWorker | undefined;
  /** Resolves when the farm cannot go on; close it then. */
  readonly lost: Promise<Error>;
  /** Ends everything in good order, the worker first: it signs off. Idempotent, never rejects. */
  close(): Promise<void>;
}

export interface FarmDeps {
  readonly logger: Logger;
  /** Aborted when the start is to be given up. */
  readonly signal: AbortSignal;
}

/**
 * Starts everything, or nothing: when a step fails, those before it are undone.
 *
 * @throws SetupError, or the signal's reason
 */
export async function startFarm(options: FarmOptions, { logger, signal }: FarmDeps): Promise<Farm> {
  // Before anything takes time.
  checkListenHost(options.host, options.allowAnonymous);
  const undo = new UndoStack(logger);
  try {
    // First, because its lock makes everything else safe.
    const directory = await openDataDirectory(options.dataDirectory);
    undo.add('the data directory', () => directory.release());
    signal.throwIfAborted();

    const jobTypes = await openJobTypes(options.jobTypes, undo, logger);
    const server = options.databaseUrl ? undefined : await startEmbedded({ directory, logger });
    if (server) undo.add('the database server', () => server.stop());
    signal.throwIfAborted();

    const database = await openDatabase(server?.config ?? { connectionString: options.databaseUrl }, { logger });
    undo.add('the database connections', () => database.close());
    await migrate(database.pool, { logger });
    signal.throwIfAborted();

    const { host, port, allowAnonymous, leaseSeconds, retryDelaySeconds, picturesPerJob, webhooks } = options;
    const gateway = await startGateway({
      database,
      jobTypes,
      logger,
      host,
      port,
      allowAnonymous,
      leaseSeconds,
      retryDelaySeconds,
      picturesPerJob,
      logLimitBytes: DEFAULT_LOG_LIMIT_BYTES,
      webhooks,
    });
    undo.add('the gateway', () => gateway.close());
    signal.throwIfAborted();

    const worker = options.hasWorker
      ? await startLocalWorker({
          gateway: gateway.url,
          stateDirectory: join(directory.path, 'worker'),
          logFile: join(directory.path, 'worker.log'),
          logLevel: options.logLevel,
          workerArguments: options.workerArguments ?? [],
          logger,
        })
      : undefined;
    if (worker) undo.add('the local worker', () => worker.stop());

    return {
      url: gateway.url,
      dataDirectory: directory.path,
      jobTypes,
      worker,
      lost: server?.lost ?? new Promise(() => {}),
      close: () => undo.run(),
    };
  } catch (error) {
    await undo.run();
    throw error;
  }
}

async function openJobTypes(folder: string | undefined, undo: UndoStack, logger: Logger): Promise<JobTypeRegistry> {
  if (folder === undefined) return BUILT_IN_JOB_TYPES;
  const taken = BUILT_IN_JOB_TYPES.list().map(({ name }) => name);
  const own = await OwnJobTypes.open({ folder, taken, logger });
  undo.add('the job types', () => own.close());
  return joinJobTypes(BUILT_IN_JOB_TYPES, own);
}

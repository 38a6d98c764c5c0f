import type { ClientConfig } from 'pg';
import { type Logger, pino } from 'pino';
import type { FeedTuning } from '../../src/feed/feed.ts';
import { BUILT_IN_JOB_TYPES } from '../../src/job-types/built-in.ts';
import { type GatewayOptions, type RunningGateway, startGateway } from '../../src/server/start-gateway.ts';
import { openDatabase } from '../../src/store/database.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { FarmWorker } from './farm-worker.ts';
import type { TestGateway } from './gateway.ts';
import { type GraphqlAnswer, postJson, type Transport } from './server.ts';

export interface LiveGateway extends RunningGateway {
  readonly config: ClientConfig;
  /** Runs a query or a mutation and gives its only field. Throws what `errors` says. */
  ask<Data>(query: string, variables?: Record<string, unknown>): Promise<Data>;
}

export interface LiveOptions {
  readonly feed?: FeedTuning;
  readonly now?: () => Date;
  readonly logLimitBytes?: number;
  readonly maxConnections?: number;
  readonly webhooks?: GatewayOptions['webhooks'];
  readonly logger?: Logger;
}

/** A worker that speaks the protocol with this gateway. */
export function signOnFarmWorker(gateway: LiveGateway, name: string): Promise<FarmWorker> {
  const run = async <Data>(query: string, variables: Record<string, unknown> = {}, token?: string) => {
    const headers: Record<string, string> = token ? { Authorization: `Bearer ${token}` } : {};
    const { data, errors } = (await (
      await postJson(gateway.url, { query, variables }, headers)
    ).json()) as GraphqlAnswer;
    if (errors) throw new Error(errors.map(({ message }) => message).join('\n'));
    return data as Data;
  };
  return FarmWorker.signOn({ run } as TestGateway, name);
}

/** A gateway with a database of its own. */
export async function startLiveGateway(options: LiveOptions = {}): Promise<LiveGateway> {
  const database = await createTestDatabase({ maxConnections: options.maxConnections });
  return await start(database, options, () => database.drop());
}

/** One more gateway on the same database. */
export async function startGatewayBeside(
  { config }: { config: ClientConfig },
  options: LiveOptions = {},
): Promise<LiveGateway> {
  const database = await openDatabase(config, { logger: pino({ level: 'warn' }) });
  return await start({ ...database, config }, options, () => database.close());
}

async function start(
  database: Pick<TestDatabase, 'pool' | 'prisma' | 'close' | 'config'>,
  { maxConnections: _, ...options }: LiveOptions,
  leave: () => Promise<void>,
): Promise<LiveGateway> {
  const gateway = await startGateway({
    database,
    jobTypes: BUILT_IN_JOB_TYPES,
    logger: pino({ level: 'warn' }),
    host: '127.0.0.1',
    port: 0,
    allowAnonymous: false,
    leaseSeconds: 60,
    retryDelaySeconds: 30,
    logLimitBytes: 1_000_000,
    ...options,
  });
  return {
    ...gateway,
    config: database.config,
    async ask<Data>(query: string, variables: Record<string, unknown> = {}) {
      const response = await postJson(gateway.url, { query, variables });
      return onlyField<Data>((await response.json()) as GraphqlAnswer);
    },
    async close() {
      await gateway.close();
      await leave();
    },
  };
}

/** A subscription as a test reads it: one message after the other, each the only field of its data. */
export interface Watched<Data> {
  next(): Promise<Data>;
  /** Resolves when the gateway has said that the stream is complete; throws when there is another message instead. */
  end(): Promise<void>;
  close(): Promise<unknown>;
}

export function watch<Data>(
  transport: Transport,
  { url }: { readonly url: string },
  query: string,
  variables: Record<string, unknown> = {},
): Watched<Data> {
  const stream = transport.subscribe(url, { query, variables });
  return {
    async next() {
      const step = await stream.next();
      if (step.done) throw new Error('The stream is complete.');
      return onlyField<Data>(step.value);
    },
    async end() {
      const step = await stream.next();
      if (!step.done) throw new Error(`One more message: ${JSON.stringify(step.value)}`);
    },
    close: () => stream.return(undefined),
  };
}

function onlyField<Data>({ data, errors }: GraphqlAnswer): Data {
  if (errors) throw new Error(errors.map(({ message, extensions }) => `${extensions?.code}: ${message}`).join('\n'));
  return Object.values(data ?? {})[0] as Data;
}

/** The global id of a stored one. */
export function globalId(noun: 'Job' | 'Task' | 'Attempt' | 'Worker', id: string): string {
  return Buffer.from(`${noun}:${id}`).toString('base64');
}

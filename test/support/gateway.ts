import { pino } from 'pino';
import type { JobTypeRegistry } from '../../src/domain/job-type-registry.ts';
import { BUILT_IN_JOB_TYPES } from '../../src/job-types/built-in.ts';
import { type RunningGateway, startGateway } from '../../src/server/start-gateway.ts';
import { DEFAULT_LOG_LIMIT_BYTES } from '../../src/store/append-task-log.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

export interface TestGateway extends RunningGateway {
  readonly database: TestDatabase;
  /** Runs an operation over HTTP and gives its data. Throws what `errors` says. */
  run<Data = Record<string, unknown>>(
    query: string,
    variables?: Record<string, unknown>,
    token?: string,
    signal?: AbortSignal,
  ): Promise<Data>;
}

export interface TestGatewayOptions {
  readonly leaseSeconds?: number;
  readonly retryDelaySeconds?: number;
  readonly logLimitBytes?: number;
  readonly picturesPerJob?: number;
  readonly jobTypes?: JobTypeRegistry;
  readonly now?: () => Date;
}

/** A gateway on a database and a port of its own. */
export async function startTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const database = await createTestDatabase();
  const gateway = await startGateway({
    database,
    jobTypes: BUILT_IN_JOB_TYPES,
    logger: pino({ level: 'warn' }),
    host: '127.0.0.1',
    port: 0,
    allowAnonymous: false,
    leaseSeconds: 60,
    retryDelaySeconds: 30,
    logLimitBytes: DEFAULT_LOG_LIMIT_BYTES,
    ...options,
  });
  return {
    ...gateway,
    database,
    run: createRun(gateway.url),
    async close() {
      await gateway.close();
      await database.drop();
    },
  };
}

/** Runs operations over HTTP. */
export function createRun(url: string): TestGateway['run'] {
  return async <Data>(query: string, variables: Record<string, unknown> = {}, token?: string, signal?: AbortSignal) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ query, variables }),
      ...(signal && { signal }),
    });
    const { data, errors } = (await response.json()) as { data: Data; errors?: { message: string }[] };
    if (errors) throw new Error(errors.map(({ message }) => message).join('\n'));
    return data;
  };
}

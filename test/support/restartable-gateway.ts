import { pino } from 'pino';
import { BUILT_IN_JOB_TYPES } from '../../src/job-types/built-in.ts';
import { startGateway } from '../../src/server/start-gateway.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { findFreePort } from './free-port.ts';
import { createRun, type TestGateway } from './gateway.ts';

export interface RestartableGateway extends TestGateway {
  /** Ends it at once, whoever is connected. */
  stop(): Promise<void>;
  /** Starts it again at the same address, on the same database. */
  start(): Promise<void>;
}

/** A gateway that comes back where it was. */
export async function startRestartableGateway(): Promise<RestartableGateway> {
  const database: TestDatabase = await createTestDatabase();
  const port = await findFreePort();
  const start = () =>
    startGateway({
      database,
      jobTypes: BUILT_IN_JOB_TYPES,
      logger: pino({ level: 'warn' }),
      host: '127.0.0.1',
      port,
      allowAnonymous: false,
      leaseSeconds: 60,
      retryDelaySeconds: 0,
      logLimitBytes: 100_000,
    });
  let running = await start();
  return {
    url: running.url,
    get store() {
      return running.store;
    },
    get sweep() {
      return running.sweep;
    },
    database,
    run: createRun(running.url),
    stop: () => running.close(0),
    async start() {
      running = await start();
    },
    async close() {
      await running.close(0);
      await database.drop();
    },
  };
}

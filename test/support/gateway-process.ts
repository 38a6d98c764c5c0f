/*
 * A gateway as a process of its own, on a database that others use too. Its only argument is the database's address as JSON;
 * prints its own address as one line and stays until its standard input ends.
 */
import { pino } from 'pino';
import { BUILT_IN_JOB_TYPES } from '../../src/job-types/built-in.ts';
import { startGateway } from '../../src/server/start-gateway.ts';
import { openDatabase } from '../../src/store/database.ts';

const logger = pino({ level: 'warn' }, pino.destination(2));
const database = await openDatabase(JSON.parse(process.argv[2] ?? ''), { logger });
const gateway = await startGateway({
  database,
  jobTypes: BUILT_IN_JOB_TYPES,
  logger,
  host: '127.0.0.1',
  port: 0,
  allowAnonymous: false,
  leaseSeconds: 60,
  retryDelaySeconds: 30,
  logLimitBytes: 1_000_000,
});
console.log(gateway.url);
process.stdin.resume();
process.stdin.once('end', async () => {
  await gateway.close();
  await database.close();
});

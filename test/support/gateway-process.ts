/*
 * A gateway as a process of its own, on a database that others use too. Its arguments are the database's address and, if
 * it has any, its webhooks, as JSON; prints its own address as one line and stays until its standard input ends.
 */
import { pino } from 'pino';
import { BUILT_IN_JOB_TYPES } from '../../src/job-types/built-in.ts';
import { startGateway } from '../../src/server/start-gateway.ts';
import { openDatabase } from '../../src/store/database.ts';

const logger = pino({ level: 'warn' }, pino.destination(2));
const database = await openDatabase(JSON.parse(process.argv[2] ?? ''), { logger });
const webhooks = process.argv[3] && JSON.parse(process.argv[3]);
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
  ...(webhooks && { webhooks: { ...webhooks, key: Buffer.from(webhooks.key, 'base64') } }),
});
console.log(gateway.url);
process.stdin.resume();
process.stdin.once('end', async () => {
  await gateway.close();
  await database.close();
});

import { setTimeout as delay } from 'node:timers/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  Client,
  type ClientBase,
  type ClientConfig,
  DatabaseError,
  Pool,
  type PoolClient,
  type QueryResult,
  type QueryResultRow,
  TypeOverrides,
  types,
} from 'pg';
import type { Logger } from 'pino';
import { SetupError } from '../domain/setup-error.ts';
import { PrismaClient } from '../generated/prisma/client.ts';

/** One pool for both: Prisma's reads and the statements that run on `pg` itself. */
export interface Database {
  readonly pool: Pool;
  readonly prisma: PrismaClient;
  /** Idempotent; waits for what is still running. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  logger: Logger;
  /** A connection costs the server memory, and on two cores ten write no slower than a hundred. */
  maxConnections?: number;
}

/**
 * An open write transaction holds back every reader of the event feed, so each is bounded: how long a statement may run,
 * wait for a lock, and how long the gateway may think between two statements. In milliseconds. A transaction of this
 * program has a handful of statements; what meets these limits is broken.
 */
const TIMEOUTS = {
  statement_timeout: 30_000,
  lock_timeout: 10_000,
  idle_in_transaction_session_timeout: 10_000,
};
/** To connect, and to wait for a free connection of the pool. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Connects once to see that the database is there.
 *
 * @throws SetupError when it cannot be reached; the message never holds the password
 */
export async function openDatabase(
  config: ClientConfig,
  { logger, maxConnections = 10 }: DatabaseOptions,
): Promise<Database> {
  const pool = makePool(config, maxConnections);
  // The next statement gets a new connection. Only the message is logged: the error itself carries the client, with its
  // address and password.
  pool.on('error', ({ message }) => {
    if (!pool.ending) logger.warn({ reason: message }, 'lost an idle connection to the database');
  });
  // The pool hears its clients only while they are idle; a client without a listener would end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  try {
    (await pool.connect()).release();
  } catch (error) {
    await pool.end();
    throw new SetupError(`Cannot reach the database ${describeTarget(config)}: ${describeFault(error)}.`, {
      cause: error,
    });
  }

  const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
  let closed: Promise<void> | undefined;
  return {
    pool,
    prisma,
    close() {
      closed ??= prisma.$disconnect().then(() => pool.end());
      return closed;
    },
  };
}

function makePool(config: ClientConfig, max: number): Pool {
  try {
    // Reads the address, so that a bad one shows here and not at the first connection.
    new Client(config);
  } catch {
    // The error's own text may hold the whole address with its password.
    throw new SetupError('The address of the database is not a valid postgresql:// URL.');
  }
  return new Pool({
    application_name: 'tablao',
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    ...TIMEOUTS,
    ...config,
    max,
  });
}

function describeTarget(config: ClientConfig): string {
  const { host, port, database, user } = new Client(config);
  return `"${database}" at ${host}${host.startsWith('/') ? '' : `:${port}`} as user "${user}"`;
}

function describeFault(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const faults: Record<string, string> = {
    ECONNREFUSED: 'nothing listens there',
    ENOENT: 'there is no such socket',
    ENOTFOUND: 'there is no such host',
    EAI_AGAIN: 'the host name cannot be looked up now',
    EHOSTUNREACH: 'the host cannot be reached',
    ETIMEDOUT: 'no answer',
  };
  return (code && faults[code]) ?? message.replace(/\.$/, '');
}

/** A prepared statement. The name stands for the text on each connection, so it belongs to one text only. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** bigint as number: counts, sizes and ids here stay below 2^53. Set per statement, because Prisma brings its own. */
const ROW_TYPES = new TypeOverrides();
const INT8 = 20;
const INT8_ARRAY = 1016;
ROW_TYPES.setTypeParser(INT8, 'text', parseInt8);
ROW_TYPES.setTypeParser(INT8_ARRAY, 'text', (text: string) =>
  (types.getTypeParser(INT8_ARRAY as number, 'text')(text) as (string | null)[]).map((item) =>
    item === null ? null : parseInt8(item),
  ),
);

function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond the safe integers: cast it to text.`);
  return value;
}

/**
 * Runs a prepared statement (measured: 1.6 times as many claims a second as unnamed ones). timestamptz comes as Date,
 * bigint as number, uuid as string, json parsed; cast xid8 and pg_snapshot to text in the statement.
 */
export function query<Row extends QueryResultRow = QueryResultRow>(
  client: ClientBase | Pool,
  { name, text }: Statement,
  values: unknown[] = [],
): Promise<QueryResult<Row>> {
  return client.query<Row>({ name, text, values, types: ROW_TYPES });
}

export interface TransactionOptions {
  /** How often it is tried in all when it meets a deadlock or a serialization failure. */
  attempts?: number;
}

/** deadlock_detected, serialization_failure */
const RETRIED = ['40P01', '40001'];
const RETRY_JITTER_MS = 20;

/**
 * Runs `fn` between BEGIN and COMMIT on one connection. It may run more than once, so nothing outside the database may
 * happen in it: publish after this has returned.
 *
 * Read committed, whatever the server's default: a statement after the locks must see what was committed while it waited.
 */
export async function inTransaction<Result>(
  pool: Pool,
  fn: (client: PoolClient) => Promise<Result>,
  { attempts = 5 }: TransactionOptions = {},
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryTransaction(pool, fn);
    } catch (error) {
      const mayRetry = error instanceof DatabaseError && RETRIED.includes(error.code ?? '') && attempt < attempts;
      if (!mayRetry) throw error;
      // The two that met must not meet again.
      await delay(Math.random() * RETRY_JITTER_MS * attempt);
    }
  }
}

async function tryTransaction<Result>(pool: Pool, fn: (client: PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    const result = await fn(client);
    const { command } = await client.query('COMMIT');
    // PostgreSQL answers COMMIT so, without an error, when `fn` has swallowed the failure of a statement.
    if (command !== 'COMMIT') throw new Error('The transaction had failed and was rolled back.');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

import { once } from 'node:events';
import { createServer } from 'node:net';
import type { PoolClient } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SetupError } from '../../src/domain/setup-error.ts';
import { inTransaction, openDatabase, query } from '../../src/store/database.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/processes.ts';

const logger = pino({ level: 'silent' });

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query('CREATE TABLE thing (id integer PRIMARY KEY, value integer NOT NULL)');
  await database.pool.query('INSERT INTO thing VALUES (1, 0), (2, 0)');
});
afterAll(() => database.drop());

async function refusal(config: Parameters<typeof openDatabase>[0]): Promise<string> {
  const error = await openDatabase(config, { logger }).catch((error) => error);
  expect(error).toBeInstanceOf(SetupError);
  expect(error.message).not.toContain('\n');
  return error.message;
}

describe('openDatabase', () => {
  it('says in one line where nothing listens, without the password', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');

    const message = await refusal({ connectionString: `postgresql://farm:s3cret@127.0.0.1:${port}/renders` });
    expect(message).toBe(
      `Cannot reach the database "renders" at 127.0.0.1:${port} as user "farm": nothing listens there.`,
    );
  });

  it('says in one line that the password is wrong, without it', async () => {
    const message = await refusal({ ...database.config, password: 's3cret' });
    expect(message).toMatch(/^Cannot reach the database .*: password authentication failed for user "tablao"\.$/);
    expect(message).not.toContain('s3cret');
  });

  it('says in one line that the server has no such database', async () => {
    expect(await refusal({ ...database.config, database: 'nothing' })).toMatch(/database "nothing" does not exist\.$/);
  });

  it('says in one line that the address cannot be read, without repeating it', async () => {
    const message = await refusal({ connectionString: 'postgresql://farm:s3cret@host:port/renders' });
    expect(message).toBe('The address of the database is not a valid postgresql:// URL.');
  });

  it('bounds statements, waits for locks, and pauses in a transaction on every connection', async () => {
    const { rows } = await database.pool.query(
      `SELECT name, setting FROM pg_settings
        WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') ORDER BY name`,
    );
    expect(rows).toEqual([
      { name: 'idle_in_transaction_session_timeout', setting: '10000' },
      { name: 'lock_timeout', setting: '10000' },
      { name: 'statement_timeout', setting: '30000' },
    ]);
  });

  it('survives the loss of its connections, idle and in use, and keeps the password out of the log', async () => {
    const log: string[] = [];
    const { pool, close } = await openDatabase(database.config, {
      logger: pino({}, { write: (line: string) => log.push(line) }),
    });
    const [inUse, idle] = [await pool.connect(), await pool.connect()];
    idle.release();
    const ended = new Promise((resolve) => inUse.once('end', resolve));
    await database.pool.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    await ended;
    await expect(inUse.query('SELECT 1')).rejects.toThrow();
    inUse.release(true);
    await until(async () => pool.totalCount === 0);

    await pool.query('SELECT 1');
    expect(log.join()).toContain('lost an idle connection to the database');
    expect(log.join()).not.toContain(database.config.password);
    await close();
    await close();
  });

  it('shares one pool with Prisma', async () => {
    expect(await database.prisma.job.count()).toBe(0);
    expect(database.pool.totalCount).toBeGreaterThan(0);
  });
});

describe('query', () => {
  const types = {
    name: 'test-types',
    text: `SELECT 9007199254740991::bigint AS big, '{1,NULL}'::bigint[] AS bigs, 0.5::float8 AS float, '2026-11-24T12:00:00Z'::timestamptz AS time,
                  'c7a1e0f2-0000-7000-8000-000000000001'::uuid AS uuid, '{"a":1}'::jsonb AS json, pg_current_xact_id()::text AS xid, $1::text AS text`,
  };

  it('gives bigint as number, timestamptz as Date, uuid as string, and prepares the statement once', async () => {
    const client = await database.pool.connect();
    try {
      for (const text of ['first', 'second']) {
        const { rows } = await query(client, types, [text]);
        expect(rows).toEqual([
          {
            big: Number.MAX_SAFE_INTEGER,
            bigs: [1, null],
            float: 0.5,
            time: new Date('2026-11-24T12:00:00Z'),
            uuid: 'c7a1e0f2-0000-7000-8000-000000000001',
            json: { a: 1 },
            xid: expect.stringMatching(/^\d+$/),
            text,
          },
        ]);
      }
      const { rows } = await client.query(`SELECT name FROM pg_prepared_statements WHERE name = 'test-types'`);
      expect(rows).toHaveLength(1);
    } finally {
      client.release();
    }
  });

  it('refuses a bigint that a number cannot hold', async () => {
    const statement = { name: 'test-too-big', text: 'SELECT 9007199254740993::bigint' };
    await expect(query(database.pool, statement)).rejects.toThrow('9007199254740993 is beyond the safe integers');
  });
});

describe('inTransaction', () => {
  it('keeps all or nothing', async () => {
    await inTransaction(database.pool, (client) => client.query('INSERT INTO thing VALUES (10, 0)'));
    await expect(
      inTransaction(database.pool, async (client) => {
        await client.query('INSERT INTO thing VALUES (11, 0)');
        throw new Error('second thoughts');
      }),
    ).rejects.toThrow('second thoughts');
    const { rows } = await database.pool.query('SELECT id FROM thing WHERE id >= 10');
    expect(rows).toEqual([{ id: 10 }]);
  });

  it('sees in each statement what others committed before it, whatever the server’s default is', async () => {
    await using other = await connectAs({ options: '-c default_transaction_isolation=serializable' });
    await inTransaction(other.pool, async (client) => {
      await client.query('SELECT value FROM thing WHERE id = 2');
      await database.pool.query('UPDATE thing SET value = 7 WHERE id = 2');
      expect((await client.query('SELECT value FROM thing WHERE id = 2')).rows).toEqual([{ value: 7 }]);
    });
  });

  it('does not take a failure for success when the failed statement was swallowed', async () => {
    const swallow = async (client: PoolClient) => {
      await client.query('UPDATE thing SET value = 99 WHERE id = 1');
      await client.query('SELECT 1 / 0').catch(() => {});
    };
    await expect(inTransaction(database.pool, swallow)).rejects.toThrow('rolled back');
    expect((await database.pool.query('SELECT value FROM thing WHERE id = 1')).rows).not.toEqual([{ value: 99 }]);
  });

  it('repeats the one that a deadlock has thrown out, so that both succeed', async () => {
    await database.pool.query('UPDATE thing SET value = 0');
    let arrived = 0;
    let meet = () => {};
    const met = new Promise<void>((resolve) => {
      meet = resolve;
    });
    let runs = 0;
    const update = (ids: [number, number]) =>
      inTransaction(database.pool, async (client) => {
        runs++;
        await client.query('UPDATE thing SET value = value + 1 WHERE id = $1', [ids[0]]);
        if (++arrived === 2) meet();
        await met;
        await client.query('UPDATE thing SET value = value + 1 WHERE id = $1', [ids[1]]);
      });
    await Promise.all([update([1, 2]), update([2, 1])]);
    expect(runs).toBe(3);
    const { rows } = await database.pool.query('SELECT value FROM thing WHERE id IN (1, 2)');
    expect(rows).toEqual([{ value: 2 }, { value: 2 }]);
  });

  it('gives up after the agreed number of attempts, with the database’s own error', async () => {
    let runs = 0;
    const fail = async (client: PoolClient) => {
      runs++;
      await client.query(`DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = 'serialization_failure'; END $$`);
    };
    await expect(inTransaction(database.pool, fail, { attempts: 3 })).rejects.toMatchObject({ code: '40001' });
    expect(runs).toBe(3);
  });

  it('does not repeat what failed for another reason', async () => {
    let runs = 0;
    const fail = async (client: PoolClient) => {
      runs++;
      await client.query('SELECT 1 / 0');
    };
    await expect(inTransaction(database.pool, fail)).rejects.toThrow('division by zero');
    expect(runs).toBe(1);
  });

  it('puts a connection that broke in the middle out of use', async () => {
    const broken: number[] = [];
    const lose = async (client: PoolClient) => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      broken.push(rows[0]!.pid);
      await client.query('SELECT pg_terminate_backend(pg_backend_pid())');
    };
    await expect(inTransaction(database.pool, lose)).rejects.toThrow('terminating connection');
    const { rows } = await database.pool.query('SELECT pg_backend_pid() AS pid');
    expect(broken).not.toContain(rows[0].pid);
  });
});

async function connectAs(change: object) {
  const other = await openDatabase({ ...database.config, ...change }, { logger });
  return { ...other, [Symbol.asyncDispose]: other.close };
}

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClientConfig, Pool } from 'pg';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SetupError } from '../../src/domain/setup-error.ts';
import { migrate, unappliedMigrations } from '../../src/store/migrate.ts';
import { createEmptyDatabase, dropDatabase } from '../support/database.ts';

const logger = pino({ level: 'silent' });

let folder: string;
let config: ClientConfig;
const pools: Pool[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tablao-migrations-'));
  config = await createEmptyDatabase();
});
afterEach(async () => {
  for (const pool of pools.splice(0)) await pool.end();
  await dropDatabase(config);
  await rm(folder, { recursive: true });
});

/** As a gateway of its own has it. */
function openPool(): Pool {
  const pool = new Pool({ ...config, statement_timeout: 30_000 });
  // The database is dropped while the last connections are still on their way out.
  pool.on('error', () => {});
  pools.push(pool);
  return pool;
}

async function write(name: string, sql: string): Promise<void> {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, 'migration.sql'), sql);
}

const FIRST = '20260101000000_first';
const SECOND = '20260102000000_second';

async function writeTwo(): Promise<void> {
  await write(FIRST, 'CREATE TABLE frame (number integer); INSERT INTO frame VALUES (1);');
  await write(SECOND, 'ALTER TABLE frame ADD COLUMN path text; INSERT INTO frame VALUES (2);');
}

async function refusal(pool: Pool): Promise<string> {
  const error = await migrate(pool, { folder, logger }).catch((error) => error);
  expect(error).toBeInstanceOf(SetupError);
  expect(error.message).not.toContain('\n');
  return error.message;
}

describe('migrate', () => {
  it('applies what is missing, in the order of the names, once', async () => {
    await writeTwo();
    const pool = openPool();
    expect(await unappliedMigrations(pool, { folder })).toEqual([FIRST, SECOND]);
    expect(await migrate(pool, { folder, logger })).toEqual([FIRST, SECOND]);
    expect(await unappliedMigrations(pool, { folder })).toEqual([]);
    expect(await migrate(pool, { folder, logger })).toEqual([]);

    await write('20260103000000_third', 'INSERT INTO frame VALUES (3);');
    expect(await migrate(pool, { folder, logger })).toEqual(['20260103000000_third']);
    const { rows } = await pool.query('SELECT number FROM frame ORDER BY number');
    expect(rows).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }]);
  });

  it('applies each exactly once when several gateways start at once', async () => {
    await write(FIRST, 'CREATE TABLE frame (number integer); SELECT pg_sleep(0.2); INSERT INTO frame VALUES (1);');
    const applied = await Promise.all([1, 2, 3].map(() => migrate(openPool(), { folder, logger })));
    expect(applied.flat()).toEqual([FIRST]);
    const { rows } = await openPool().query('SELECT number FROM frame');
    expect(rows).toEqual([{ number: 1 }]);
  });

  it('keeps nothing of a migration that fails, says where, and goes on once it is mended', async () => {
    await writeTwo();
    await write(SECOND, 'ALTER TABLE frame ADD COLUMN path text;\nINSERT INTO frame VALUES (2);\nSELEC 1;');
    const pool = openPool();
    expect(await refusal(pool)).toBe(
      `The migration "${SECOND}" failed, and nothing of it was kept: syntax error at or near "SELEC" (line 3).`,
    );
    expect((await pool.query('SELECT * FROM frame')).rows).toEqual([{ number: 1 }]);

    await writeTwo();
    expect(await migrate(pool, { folder, logger })).toEqual([SECOND]);
  });

  it('refuses a migration that was changed after it was applied, but not for the ends of its lines', async () => {
    await write(FIRST, 'CREATE TABLE frame\n  (number integer);\n');
    const pool = openPool();
    await migrate(pool, { folder, logger });
    await write(FIRST, 'CREATE TABLE frame\r\n  (number integer);\r\n');
    expect(await migrate(pool, { folder, logger })).toEqual([]);

    await write(FIRST, 'CREATE TABLE frame\n  (number bigint);\n');
    expect(await refusal(pool)).toMatch(/is not the one that was applied .* put changes into a new migration/);
  });

  it('refuses a database that is newer than the program, and says what to do', async () => {
    await writeTwo();
    const pool = openPool();
    await migrate(pool, { folder, logger });
    await rm(join(folder, SECOND), { recursive: true });
    expect(await refusal(pool)).toMatch(
      `The database is newer than this program, or another program's: it has the migration "${SECOND}", and the newest here is "${FIRST}". Update Tablao`,
    );
  });

  it('refuses a database whose user may not create tables', async () => {
    await writeTwo();
    const pool = openPool();
    await pool.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC, pg_database_owner');
    expect(await refusal(pool)).toMatch(
      /^The database's user may not create tables: permission denied for schema public/,
    );
  });

  it('leaves lock and time limits as they were', async () => {
    await writeTwo();
    const pool = openPool();
    await migrate(pool, { folder, logger });
    const { rows } = await pool.query(
      `SELECT current_setting('statement_timeout') AS timeout,
              (SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS locks`,
    );
    expect(rows).toEqual([{ timeout: '30s', locks: 0 }]);
  });

  it('applies this program’s own migrations as a role without superuser rights', async () => {
    const pool = openPool();
    expect((await pool.query('SELECT rolsuper FROM pg_roles WHERE rolname = current_user')).rows).toEqual([
      { rolsuper: false },
    ]);
    const own = await unappliedMigrations(pool);
    expect(own.length).toBeGreaterThan(0);
    expect(await migrate(pool, { logger })).toEqual(own);
    expect(await unappliedMigrations(pool)).toEqual([]);
  });
});

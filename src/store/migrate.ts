import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientBase, DatabaseError, Pool, PoolClient } from 'pg';
import type { Logger } from 'pino';
import { SetupError } from '../domain/setup-error.ts';

/** The same place from src/ and, in the published package, from dist/. */
export const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));

/** Older ones get no fixes any more (14 ended in November 2026); xid8 and pg_snapshot alone would run on 13. */
const OLDEST_MAJOR_VERSION = 15;
/** The number that Prisma's own command line locks, so that the two exclude each other. */
const LOCK_KEY = 72707369;

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

interface AppliedMigration {
  name: string;
  checksum: string;
  isFinished: boolean;
}

export interface MigrateOptions {
  /** Holds `<stamp>_<name>/migration.sql`, applied in the order of the names. */
  folder?: string;
  logger: Logger;
}

/**
 * Brings the database to this program's state: applies each migration that it does not have, in its own transaction, and
 * records it as Prisma does. Any number of gateways may do so at once. (`prisma migrate deploy` would do the same, but
 * fetches a program from the network first.)
 *
 * @returns the names of those applied
 * @throws SetupError when the database is older or newer than this program can work with, or a migration fails
 */
export async function migrate(pool: Pool, { folder = MIGRATIONS_FOLDER, logger }: MigrateOptions): Promise<string[]> {
  const migrations = await readMigrations(folder);
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await checkServerVersion(client);
    // A migration takes as long as it takes, and so does waiting for another gateway's.
    await client.query('SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0');
    await waitForLock(client, logger);
    return await applyMissing(client, migrations, logger);
  } catch (error) {
    broken = error as Error;
    throw isPermissionFault(error)
      ? new SetupError(`The database's user may not create tables: ${(error as Error).message}.`, { cause: error })
      : error;
  } finally {
    if (!broken) {
      await client
        .query(
          `SELECT pg_advisory_unlock(${LOCK_KEY});
           RESET statement_timeout; RESET lock_timeout; RESET idle_in_transaction_session_timeout`,
        )
        .catch((error: Error) => {
          broken = error;
        });
    }
    // The lock ends with its connection.
    client.release(broken);
  }
}

/** The names of the migrations that the database does not have yet, in their order. */
export async function unappliedMigrations(pool: Pool, { folder = MIGRATIONS_FOLDER } = {}): Promise<string[]> {
  const migrations = await readMigrations(folder);
  const applied = new Set((await readApplied(pool)).map(({ name }) => name));
  return migrations.map(({ name }) => name).filter((name) => !applied.has(name));
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      // Git on Windows may have turned the ends of lines, which must not look like a change.
      const sql = (await readFile(join(folder, name, 'migration.sql'), 'utf8')).replaceAll('\r\n', '\n');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function checkServerVersion(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ number: string; version: string }>(
    `SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS version`,
  );
  if (Number(rows[0]?.number) < OLDEST_MAJOR_VERSION * 10_000) {
    throw new SetupError(
      `The database runs on PostgreSQL ${rows[0]?.version}; Tablao needs PostgreSQL ${OLDEST_MAJOR_VERSION} or newer.`,
    );
  }
}

async function waitForLock(client: ClientBase, logger: Logger): Promise<void> {
  const { rows } = await client.query<{ is_mine: boolean }>(`SELECT pg_try_advisory_lock(${LOCK_KEY}) AS is_mine`);
  if (rows[0]?.is_mine) return;
  logger.info('another gateway is migrating the database: waiting for it');
  await client.query(`SELECT pg_advisory_lock(${LOCK_KEY})`);
}

async function applyMissing(client: PoolClient, migrations: Migration[], logger: Logger): Promise<string[]> {
  await client.query(
    `CREATE TABLE IF NOT EXISTS _prisma_migrations (
       id                  varchar(36) PRIMARY KEY NOT NULL,
       checksum            varchar(64) NOT NULL,
       finished_at         timestamptz,
       migration_name      varchar(255) NOT NULL,
       logs                text,
       rolled_back_at      timestamptz,
       started_at          timestamptz NOT NULL DEFAULT now(),
       applied_steps_count integer NOT NULL DEFAULT 0
     )`,
  );
  const applied = new Map((await readApplied(client)).map((row) => [row.name, row]));
  checkApplied(applied, migrations);
  const missing = migrations.filter(({ name }) => !applied.has(name));
  for (const migration of missing) {
    await apply(client, migration);
    logger.info({ migration: migration.name }, 'migrated the database');
  }
  return missing.map(({ name }) => name);
}

async function readApplied(client: ClientBase | Pool): Promise<AppliedMigration[]> {
  const { rows: found } = await client.query(`SELECT to_regclass('_prisma_migrations') IS NOT NULL AS is_there`);
  if (!found[0]?.is_there) return [];
  const { rows } = await client.query<AppliedMigration>(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS "isFinished"
       FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at`,
  );
  return rows;
}

function checkApplied(applied: Map<string, AppliedMigration>, migrations: Migration[]): void {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const { name, checksum, isFinished } of applied.values()) {
    const migration = known.get(name);
    if (!migration) {
      throw new SetupError(
        `The database is newer than this program, or another program's: it has the migration "${name}", and the newest here is "${migrations.at(-1)?.name}". Update Tablao, or give it another database.`,
      );
    }
    if (!isFinished) {
      throw new SetupError(
        `The migration "${name}" was begun by another tool and not finished: mend the database, then "prisma migrate resolve".`,
      );
    }
    if (checksum !== migration.checksum) {
      throw new SetupError(
        `The migration "${name}" is not the one that was applied to the database: restore its migration.sql, and put changes into a new migration.`,
      );
    }
  }
}

async function apply(client: ClientBase, { name, sql, checksum }: Migration): Promise<void> {
  const startedAt = new Date();
  try {
    await client.query('BEGIN');
    // Without parameters, so that the file may hold any number of statements.
    await client.query(sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, $4, clock_timestamp(), 1)`,
      [randomUUID(), checksum, name, startedAt],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    if (isPermissionFault(error)) throw error;
    const { message, position } = error as DatabaseError;
    const line = position ? ` (line ${sql.slice(0, Number(position)).split('\n').length})` : '';
    throw new SetupError(`The migration "${name}" failed, and nothing of it was kept: ${message}${line}.`, {
      cause: error,
    });
  }
}

function isPermissionFault(error: unknown): boolean {
  return (error as DatabaseError).code === '42501';
}

import { randomBytes } from 'node:crypto';
import { Client, type ClientConfig } from 'pg';
import { pino } from 'pino';
import { inject } from 'vitest';
import { type Database, openDatabase } from '../../src/store/database.ts';

export interface TestDatabase extends Database {
  /** To reach it by other connections. */
  readonly config: ClientConfig;
  /** Closes the pool and removes the database, even if a connection was left open. */
  drop(): Promise<void>;
}

/** A migrated database of the caller's own, as a rule one per test file. */
export async function createTestDatabase({ maxConnections = 10 } = {}): Promise<TestDatabase> {
  const config = await createClone();
  const database = await openDatabase(config, { logger: pino({ level: 'warn' }), maxConnections });
  return {
    ...database,
    config,
    async drop() {
      await database.close();
      await dropDatabase(config);
    },
  };
}

/** A database without any table, for those that migrate themselves. */
export async function createEmptyDatabase(): Promise<ClientConfig> {
  return createClone('template0');
}

export async function dropDatabase(config: ClientConfig): Promise<void> {
  await runOnServer(`DROP DATABASE "${config.database}" WITH (FORCE)`);
}

async function createClone(template?: string): Promise<ClientConfig> {
  const origin = inject('templateDatabase');
  const database = `test_${randomBytes(6).toString('hex')}`;
  await runOnServer(`CREATE DATABASE "${database}" TEMPLATE "${template ?? origin.database}"`);
  return { ...origin, database };
}

async function runOnServer(sql: string): Promise<void> {
  const client = new Client({ ...inject('templateDatabase'), database: 'postgres' });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

import { Client, type ClientConfig } from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createEmptyDatabase, createTestDatabase, dropDatabase, type TestDatabase } from '../support/database.ts';
import { draftSchema } from '../support/prisma-schema.ts';

/** What the migrations have and Prisma's schema cannot say: here by name, so that nothing else slips in. */
const BEYOND_PRISMA = [
  'attempt_live_task_idx',
  'attempt_live_worker_idx',
  'event.xid DEFAULT pg_current_xact_id()',
  'event_feed_idx',
  'job_queue_claimable_idx',
  'job_stopping_idx',
  'task_claimable_idx',
  'task_frames_idx',
  'worker_name_living_idx',
];

let migrated: TestDatabase;
let drafted: ClientConfig;
beforeAll(async () => {
  migrated = await createTestDatabase();
  drafted = await createEmptyDatabase();
});
afterAll(async () => {
  await migrated.drop();
  await dropDatabase(drafted);
});

it('the migrations make every table, column, key and index of schema.prisma, and beyond it only what is listed', async () => {
  const sql = await draftSchema(drafted);
  const byMigrations = await describeCatalog(migrated.config);
  const byPrisma = await describeCatalog(drafted, sql);
  expect(byPrisma.length).toBeGreaterThan(100);
  expect(byPrisma.filter((line) => !byMigrations.includes(line))).toEqual([]);

  const beyond = byMigrations.filter((line) => !byPrisma.includes(line));
  expect(beyond.map((line) => line.replace(/^INDEX (\w+) .*$/, '$1')).sort()).toEqual(BEYOND_PRISMA);
});

it('every foreign key has an index that begins with its columns', async () => {
  const { rows } = await migrated.pool.query(
    `SELECT conname FROM pg_constraint AS key
      WHERE contype = 'f' AND NOT EXISTS (
        SELECT FROM pg_index
         WHERE indrelid = key.conrelid AND indpred IS NULL
           AND (indkey::int2[])[0:cardinality(key.conkey) - 1] = key.conkey)`,
  );
  expect(rows).toEqual([]);
});

/** One line per column, default, key and index, sorted; after running the SQL, if there is some. */
async function describeCatalog(config: ClientConfig, sql?: string): Promise<string[]> {
  const client = new Client(config);
  await client.connect();
  try {
    if (sql) await client.query(sql);
    const { rows } = await client.query<{ line: string }>(CATALOG);
    return rows.map(({ line }) => line.replaceAll(/ARRAY\[\]::(\w[\w ]*\[\])/g, "'{}'::$1")).sort();
  } finally {
    await client.end();
  }
}

// Lists are never NOT NULL for Prisma, which reads no NULL from them either. Partitions are storage, not model.
const CATALOG = `
  WITH tables AS (
    SELECT oid, relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
       AND relname <> '_prisma_migrations'
  ), columns AS (
    SELECT relname || '.' || attname AS name, attrelid, attnum, attnotnull, format_type(atttypid, atttypmod) AS type
      FROM pg_attribute JOIN tables ON attrelid = tables.oid WHERE attnum > 0 AND NOT attisdropped
  )
  SELECT name || ' ' || type || CASE WHEN attnotnull AND type NOT LIKE '%[]' THEN ' NOT NULL' ELSE '' END AS line FROM columns
  UNION ALL
  SELECT name || ' DEFAULT ' || pg_get_expr(adbin, adrelid)
    FROM columns JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
  UNION ALL
  SELECT relname || ' ' || conname || ' ' || pg_get_constraintdef(pg_constraint.oid)
    FROM pg_constraint JOIN tables ON conrelid = tables.oid WHERE contype IN ('p', 'u', 'f')
  UNION ALL
  SELECT 'INDEX ' || indexrelid::regclass || ' ' || regexp_replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')
    FROM pg_index JOIN tables ON indrelid = tables.oid`;

import { query } from './database.ts';
import type { Store } from './store.ts';

/** Days of logs that are kept. */
export const LOG_RETENTION_DAYS = 30;
const DAY_MS = 86_400_000;

const PARTITIONS = {
  name: 'log-partitions',
  text: `SELECT child.relname AS name FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
    WHERE inhparent = 'task_log_chunk'::regclass AND child.relname ~ '^task_log_chunk_[0-9]{8}$'`,
};
const CHECK_VIOLATION = '23514';

/**
 * Makes the log's partitions of today and tomorrow and drops those that are too old: whole days go without a trace in the
 * tables that stay. Rows that found no partition are in the default one; that day then simply stays there.
 */
export async function keepLogPartitions(store: Store, retentionDays = LOG_RETENTION_DAYS): Promise<void> {
  const today = Math.floor(store.now().getTime() / DAY_MS);
  for (const day of [today, today + 1]) {
    const sql = `CREATE TABLE IF NOT EXISTS ${partitionName(day)} PARTITION OF task_log_chunk FOR VALUES FROM ('${isoDay(day)}') TO ('${isoDay(day + 1)}')`;
    await store.pool.query(sql).catch((error: { code?: string }) => {
      if (error.code !== CHECK_VIOLATION) throw error;
    });
  }
  const { rows } = await query<{ name: string }>(store.pool, PARTITIONS);
  for (const { name } of rows)
    if (name < partitionName(today - retentionDays)) await store.pool.query(`DROP TABLE IF EXISTS ${name}`);
  await store.pool.query('DELETE FROM task_log_chunk_default WHERE day < $1', [isoDay(today - retentionDays)]);
}

function isoDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

function partitionName(day: number): string {
  return `task_log_chunk_${isoDay(day).replaceAll('-', '')}`;
}

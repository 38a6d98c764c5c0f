import type { Pool } from 'pg';

const TABLES = [
  'job',
  'job_queue',
  'task',
  'task_dependency',
  'attempt',
  'output',
  'picture',
  'task_failure',
  'worker_block',
  'worker',
  'event',
  'task_log_chunk',
];

/** Every row of every table, as text: equal before and after what must not change anything. */
export async function dumpTables(pool: Pool): Promise<Record<string, string[]>> {
  const dumps = await Promise.all(
    TABLES.map(async (table) => {
      const { rows } = await pool.query<{ row: string }>(`SELECT ${table}::text AS row FROM ${table} ORDER BY 1`);
      return [table, rows.map(({ row }) => row)] as const;
    }),
  );
  return Object.fromEntries(dumps);
}

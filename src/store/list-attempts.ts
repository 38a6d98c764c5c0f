import { Prisma } from '../generated/prisma/client.ts';
import { alongIndex, type PageWindow, readPages, run, type SortOrder } from './page-window.ts';
import type { Store } from './store.ts';

export const ORDER_OF_ATTEMPTS: SortOrder = {
  columns: [{ name: 'number', property: 'number', type: 'integer' }],
  direction: 'asc',
};

/** Ids of a page of the attempts of each task, by number. */
export function listAttempts(
  { pool }: Store,
  taskIds: readonly string[],
  window: PageWindow,
): Promise<Map<string, string[]>> {
  return readPages(
    pool,
    taskIds,
    Prisma.sql`SELECT id FROM attempt ${alongIndex({ task_id: Prisma.sql`parent.id` }, ORDER_OF_ATTEMPTS, window)}`,
  );
}

export async function countAttempts({ pool }: Store, taskIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await run<{ id: string; count: string }>(
    pool,
    Prisma.sql`SELECT task_id AS id, count(*) FROM attempt WHERE task_id = ANY(${taskIds}::uuid[]) GROUP BY task_id`,
  );
  return new Map(rows.map(({ id, count }) => [id, Number(count)]));
}

import type { WorkerStatus } from '../domain/worker-status.ts';
import { Prisma } from '../generated/prisma/client.ts';
import { all, inOrder, isWithin, type PageWindow, run, type SortOrder } from './page-window.ts';
import type { Store } from './store.ts';

/** Which workers; never the deleted ones. */
export interface WorkerFilter {
  readonly statuses?: readonly WorkerStatus[] | null;
  readonly tag?: string | null;
}

/** No two living ones share a name. */
export const ORDER_OF_WORKERS: SortOrder = {
  columns: [{ name: 'name', property: 'name', type: 'text' }],
  direction: 'asc',
};

/** Ids of a page of workers, by name. */
export async function listWorkers({ pool }: Store, filter: WorkerFilter, window: PageWindow): Promise<string[]> {
  const rows = await run<{ id: string }>(
    pool,
    Prisma.sql`SELECT id FROM worker WHERE ${fits(filter)} AND ${isWithin(ORDER_OF_WORKERS, window)} ${inOrder(ORDER_OF_WORKERS, window)}`,
  );
  return rows.map(({ id }) => id);
}

export async function countWorkers({ pool }: Store, filter: WorkerFilter): Promise<number> {
  const rows = await run<{ count: string }>(pool, Prisma.sql`SELECT count(*) FROM worker WHERE ${fits(filter)}`);
  return Number(rows[0]!.count);
}

function fits({ statuses, tag }: WorkerFilter): Prisma.Sql {
  return all([
    Prisma.sql`deleted_at IS NULL`,
    ...(statuses ? [Prisma.sql`status = ANY(${statuses}::text[])`] : []),
    ...(tag != null ? [Prisma.sql`${tag} = ANY(tags)`] : []),
  ]);
}

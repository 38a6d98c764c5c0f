import type { Pool } from 'pg';
import type { TaskStatus } from '../domain/task-status.ts';
import { Prisma } from '../generated/prisma/client.ts';
import { all, alongIndex, inOrder, isWithin, type PageWindow, readPages, run, type SortOrder } from './page-window.ts';
import type { Store } from './store.ts';
import { findTasksWithFrames } from './tasks-with-frames.ts';

/** Which tasks of a job. */
export interface TaskFilter {
  readonly statuses?: readonly TaskStatus[] | null;
  /** The worker of the newest attempt; one that does not exist has none. */
  readonly workerId?: string | null;
  /** One that they hold. */
  readonly frame?: number | null;
}

export const ORDER_OF_TASKS: SortOrder = {
  columns: [{ name: 'index', property: 'index', type: 'integer' }],
  direction: 'asc',
};
/** The ids of a job's tasks rise with their index: so the primary key of the edges has them in order. */
export const ORDER_OF_DEPENDENCIES: SortOrder = {
  columns: [{ name: 'depends_on_id', property: 'id', type: 'uuid' }],
  direction: 'asc',
};

/** Ids of a page of the tasks of each job, by index. */
export async function listTasks(
  { pool }: Store,
  jobIds: readonly string[],
  filter: TaskFilter,
  window: PageWindow,
): Promise<Map<string, string[]>> {
  return await readPages(pool, jobIds, pageOf(filter, await findHolders(pool, jobIds, filter), window));
}

/** The way to a page that reads no more than it has. */
function pageOf(filter: TaskFilter, holders: readonly string[] | null, window: PageWindow): Prisma.Sql {
  const { statuses, workerId } = filter;
  const [job, ofJob] = [Prisma.sql`parent.id`, Prisma.sql`job_id = parent.id`];
  if (holders) {
    // A frame is held by few tasks.
    const conditions = [ofJob, ...fits(filter, holders), isWithin(ORDER_OF_TASKS, window)];
    return Prisma.sql`SELECT id FROM task WHERE ${all(conditions)} ${inOrder(ORDER_OF_TASKS, window)}`;
  }
  if (workerId != null) {
    const ofWorker = { worker_id: Prisma.sql`${workerId}::uuid`, job_id: job };
    return Prisma.sql`SELECT id FROM task ${alongIndex(ofWorker, ORDER_OF_TASKS, window, fits({ statuses }, null))}`;
  }
  if (statuses) {
    // A page of each status, merged.
    const ofStatus = alongIndex({ status: Prisma.sql`wanted.status` }, ORDER_OF_TASKS, window, [ofJob]);
    return Prisma.sql`SELECT task.id FROM unnest(${[...new Set(statuses)]}::text[]) AS wanted(status)
      CROSS JOIN LATERAL (SELECT id, index FROM task ${ofStatus}) AS task ${inOrder(ORDER_OF_TASKS, window)}`;
  }
  return Prisma.sql`SELECT id FROM task ${alongIndex({ job_id: job }, ORDER_OF_TASKS, window)}`;
}

/** How many tasks of each job fit; jobs without any are left out. */
export async function countTasks(
  { pool }: Store,
  jobIds: readonly string[],
  filter: TaskFilter,
): Promise<Map<string, number>> {
  const conditions = fits(filter, await findHolders(pool, jobIds, filter));
  const rows = await run<{ id: string; count: string }>(
    pool,
    Prisma.sql`SELECT job_id AS id, count(*) FROM task WHERE ${all([Prisma.sql`job_id = ANY(${jobIds}::uuid[])`, ...conditions])}
      GROUP BY job_id`,
  );
  return new Map(rows.map(({ id, count }) => [id, Number(count)]));
}

function fits({ statuses, workerId }: TaskFilter, holders: readonly string[] | null): Prisma.Sql[] {
  return [
    ...(statuses ? [Prisma.sql`status = ANY(${statuses}::text[])`] : []),
    ...(workerId != null ? [Prisma.sql`worker_id = ${workerId}::uuid`] : []),
    ...(holders ? [Prisma.sql`id = ANY(${holders}::uuid[])`] : []),
  ];
}

/** The tasks that hold the frame; null where none is asked for. */
async function findHolders(pool: Pool, jobIds: readonly string[], { frame }: TaskFilter): Promise<string[] | null> {
  return frame == null ? null : (await findTasksWithFrames(pool, jobIds, [frame])).map(({ id }) => id);
}

/** Ids of the tasks of each job that a worker could be given now and that one failed or handed back before, by index. */
export function listTriedTasks(
  { pool }: Store,
  jobIds: readonly string[],
  take: number,
): Promise<Map<string, string[]>> {
  return readPages(
    pool,
    jobIds,
    Prisma.sql`SELECT id, index FROM task WHERE id IN (SELECT task_id FROM task_failure WHERE job_id = parent.id)
      AND open_dependencies = 0 AND status IN ('queued', 'soft-failed') ORDER BY index LIMIT ${take}`,
  );
}

/** Ids of a page of the tasks that each task waits for, by index. */
export function listDependencies(
  { pool }: Store,
  taskIds: readonly string[],
  window: PageWindow,
): Promise<Map<string, string[]>> {
  return readPages(
    pool,
    taskIds,
    Prisma.sql`SELECT depends_on_id AS id FROM task_dependency ${alongIndex({ task_id: Prisma.sql`parent.id` }, ORDER_OF_DEPENDENCIES, window)}`,
  );
}

export async function countDependencies({ pool }: Store, taskIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await run<{ id: string; count: string }>(
    pool,
    Prisma.sql`SELECT task_id AS id, count(*) FROM task_dependency WHERE task_id = ANY(${taskIds}::uuid[]) GROUP BY task_id`,
  );
  return new Map(rows.map(({ id, count }) => [id, Number(count)]));
}

import type { Prisma, Task } from '../generated/prisma/client.ts';
import type { Context } from './context.ts';

/*
 * Resolvers of `prismaField`s that show the stored thing behind a result, as it is now.
 */

type JobQuery = Pick<Prisma.JobDefaultArgs, 'include' | 'select'>;
type TaskQuery = Pick<Prisma.TaskDefaultArgs, 'include' | 'select'>;
type WorkerQuery = Pick<Prisma.WorkerDefaultArgs, 'include' | 'select'>;

export function readJob(query: JobQuery, { jobId }: { readonly jobId: string }, _args: object, { store }: Context) {
  return store.prisma.job.findUniqueOrThrow({ ...query, where: { id: jobId } });
}

export function readTask(query: TaskQuery, { taskId }: { readonly taskId: string }, _args: object, { store }: Context) {
  return store.prisma.task.findUniqueOrThrow({ ...query, where: { id: taskId } });
}

/** A statement takes 32,767 values at most, and a job has up to 100,000 tasks. */
const IDS_AT_ONCE = 5_000;

export async function readTasks(
  query: TaskQuery,
  { taskIds }: { readonly taskIds: readonly string[] },
  _args: object,
  { store }: Context,
): Promise<Task[]> {
  const found: Task[] = [];
  for (let at = 0; at < taskIds.length; at += IDS_AT_ONCE) {
    const id = { in: taskIds.slice(at, at + IDS_AT_ONCE) };
    found.push(...(await store.prisma.task.findMany({ ...query, where: { id }, orderBy: { index: 'asc' } })));
  }
  return found;
}

export function readWorker(
  query: WorkerQuery,
  { workerId }: { readonly workerId: string },
  _args: object,
  { store }: Context,
) {
  return store.prisma.worker.findUniqueOrThrow({ ...query, where: { id: workerId } });
}

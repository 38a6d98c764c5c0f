import type { Prisma } from '../generated/prisma/client.ts';
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

export function readWorker(
  query: WorkerQuery,
  { workerId }: { readonly workerId: string },
  _args: object,
  { store }: Context,
) {
  return store.prisma.worker.findUniqueOrThrow({ ...query, where: { id: workerId } });
}

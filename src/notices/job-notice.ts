import { isFinishedJob, type JobStatus } from '../domain/job-status.ts';
import type { EventRow } from '../feed/event-row.ts';
import { encodeId } from '../graphql/global-id.ts';
import type { Store } from '../store/store.ts';

/** The end of a job, as the event feed has it. */
export type JobEnd = EventRow & { readonly to: JobStatus };

export function isJobEnd(row: EventRow): row is JobEnd {
  return row.kind === 'job' && isFinishedJob(row.to as JobStatus);
}

/**
 * What is told of each, in order. The job is described as it is when the notice is made, a moment after it has ended: of
 * one that was deleted meanwhile only what its events say.
 */
export async function describeEnds({ prisma }: Store, ends: readonly JobEnd[]): Promise<string[]> {
  const jobs = await prisma.job.findMany({ where: { id: { in: [...new Set(ends.map(({ jobId }) => jobId))] } } });
  return ends.map((end) => {
    const job = jobs.find(({ id }) => id === end.jobId);
    return JSON.stringify({
      type: `job.${end.to}`,
      timestamp: end.at,
      data: {
        job: {
          id: encodeId('Job', end.jobId),
          name: job?.name ?? null,
          type: end.jobType,
          status: end.to.toUpperCase(),
          submitter: end.submitter,
          error: job?.status === end.to ? job.error : null,
          frames: job ? { total: job.framesTotal, done: job.framesDone } : null,
          tasks: job
            ? {
                total: job.tasksTotal,
                completed: job.tasksCompleted,
                failed: job.tasksFailed,
                canceled: job.tasksCanceled,
              }
            : null,
          metadata: job?.metadata ?? null,
          createdAt: job?.createdAt ?? null,
          startedAt: job?.startedAt ?? null,
          finishedAt: end.at,
        },
        actor: end.actor,
        comment: end.message,
      },
    });
  });
}

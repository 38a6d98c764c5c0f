import { isFinishedJob, JOB_STATUS_NAMES, type JobStatus } from '../domain/job-status.ts';
import { WORKER_STATUSES, type WorkerStatus } from '../domain/worker-status.ts';
import { builder } from './builder.ts';
import { JobStatusEnum, WorkerStatusEnum } from './status.ts';

/** The farm at a glance. Each field costs one count, of rows that an index finds. */

interface Count<Status> {
  readonly status: Status;
  readonly count: number;
}

const JobStatusCount = builder.objectRef<Count<JobStatus>>('JobStatusCount').implement({
  description: 'How many jobs have one status.',
  fields: (t) => ({
    status: t.expose('status', { type: JobStatusEnum, description: 'The status.' }),
    count: t.exposeInt('count', { description: 'How many jobs have it.' }),
  }),
});

const WorkerStatusCount = builder.objectRef<Count<WorkerStatus>>('WorkerStatusCount').implement({
  description: 'How many workers have one status.',
  fields: (t) => ({
    status: t.expose('status', { type: WorkerStatusEnum, description: 'The status.' }),
    count: t.exposeInt('count', { description: 'How many workers have it.' }),
  }),
});

/** A count for each status, also for those that nothing has. */
function fillCounts<Status extends string>(
  statuses: readonly Status[],
  groups: readonly { status: string; _count: number }[],
): Count<Status>[] {
  return statuses.map((status) => ({
    status,
    count: groups.find((group) => group.status === status)?._count ?? 0,
  }));
}

/** A finished job has no task that waits. */
const UNFINISHED = JOB_STATUS_NAMES.filter((status) => !isFinishedJob(status));

const FarmType = builder.objectRef<object>('Farm').implement({
  description: 'The farm at a glance.',
  fields: (t) => ({
    version: t.string({ description: "The gateway's version.", resolve: (_farm, _args, { version }) => version }),
    jobCounts: t.field({
      type: [JobStatusCount],
      description: "How many jobs there are of each status, in the order of the statuses' table.",
      resolve: async (_farm, _args, { store }) => {
        const groups = await store.prisma.job.groupBy({ by: ['status'], _count: true });
        return fillCounts(JOB_STATUS_NAMES, groups);
      },
    }),
    workerCounts: t.field({
      type: [WorkerStatusCount],
      description: 'How many workers there are of each status.',
      resolve: async (_farm, _args, { store }) => {
        const groups = await store.prisma.worker.groupBy({
          by: ['status'],
          where: { deletedAt: null },
          _count: true,
        });
        return fillCounts(Object.keys(WORKER_STATUSES) as WorkerStatus[], groups);
      },
    }),
    waitingTasks: t.int({
      description: 'How many tasks wait, for a worker or for other tasks: those whose `waitingFor` gives a reason.',
      resolve: async (_farm, _args, { store }) => {
        const { _sum } = await store.prisma.job.aggregate({
          where: { status: { in: UNFINISHED } },
          _sum: { tasksQueued: true, tasksSoftFailed: true },
        });
        return (_sum.tasksQueued ?? 0) + (_sum.tasksSoftFailed ?? 0);
      },
    }),
  }),
});

builder.queryField('farm', (t) =>
  t.field({ type: FarmType, description: 'The farm at a glance.', resolve: () => ({}) }),
);

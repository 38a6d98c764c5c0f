import { NIL } from 'uuid';
import { countSecondsLeft } from '../domain/estimate.ts';
import { judgeJobRequest } from '../domain/job-requests.ts';
import { isDeletableJob, type JobStatus, nextJobStatuses } from '../domain/job-status.ts';
import type { StatusReason } from '../domain/status-reason.ts';
import { inOrderOf } from '../feed/read-together.ts';
import type { Job, Task } from '../generated/prisma/client.ts';
import {
  countJobs,
  type JobSortKey,
  listJobs,
  orderOfJobs,
  type JobFilter as StoredJobFilter,
} from '../store/list-jobs.ts';
import { countTasks, listTasks, ORDER_OF_TASKS, type TaskFilter as StoredTaskFilter } from '../store/list-tasks.ts';
import type { SortOrder } from '../store/page-window.ts';
import { builder, enumFromTable } from './builder.ts';
import { askedFor, type ChildList, readChildPage } from './child-page.ts';
import { connectionOf } from './connection.ts';
import { decodeId } from './global-id.ts';
import { CHECKS, findIssues, refuseArguments } from './input.ts';
import { JobTypeObject } from './job-type.ts';
import { type Page, readPage } from './page.ts';
import { readForSiblings } from './siblings.ts';
import { JobStatusEnum, StatusReasonEnum, TaskStatusEnum, WaitingReasonEnum } from './status.ts';
import { readWorker } from './stored.ts';
import { TaskConnection } from './task.ts';
import { jobWaitingNotes, jobWaitingReasons, readHistories } from './waiting.ts';

const JOB_ACTIONS = { CANCEL: 'cancelJob', REQUEUE: 'requeueJob', UPDATE: 'updateJob', DELETE: 'deleteJob' } as const;
const JobActionEnum = enumFromTable('JobAction', 'What a user may do to a job.', JOB_ACTIONS);

/** What of the rules depends on the status alone. */
function allowedActions(status: JobStatus): (keyof typeof JOB_ACTIONS)[] {
  const allowed = {
    CANCEL: 'request' in judgeJobRequest(status, 'canceled'),
    REQUEUE: 'request' in judgeJobRequest(status, 'queued'),
    UPDATE: true,
    DELETE: isDeletableJob(status),
  };
  return (Object.keys(allowed) as (keyof typeof allowed)[]).filter((action) => allowed[action]);
}

interface FrameCounts {
  readonly framesTotal: number;
  readonly framesDone: number;
}
const FrameCountsType = builder.objectRef<FrameCounts>('FrameCounts').implement({
  description: "A job's frames.",
  fields: (t) => ({
    total: t.exposeInt('framesTotal', { description: 'All of them.' }),
    done: t.exposeInt('framesDone', { description: 'Rendered and in their place.' }),
  }),
});

interface TaskCounts {
  readonly tasksTotal: number;
  readonly tasksQueued: number;
  readonly tasksActive: number;
  readonly tasksCompleted: number;
  readonly tasksSoftFailed: number;
  readonly tasksFailed: number;
  readonly tasksCanceled: number;
}
const TaskCountsType = builder.objectRef<TaskCounts>('TaskCounts').implement({
  description: "A job's tasks, by status.",
  fields: (t) => ({
    total: t.exposeInt('tasksTotal', { description: 'All of them.' }),
    queued: t.exposeInt('tasksQueued', { description: 'Ready for a worker, or waiting for others.' }),
    active: t.exposeInt('tasksActive', { description: 'Being executed.' }),
    completed: t.exposeInt('tasksCompleted', { description: 'Executed successfully.' }),
    softFailed: t.exposeInt('tasksSoftFailed', { description: 'As queued, but failed before.' }),
    failed: t.exposeInt('tasksFailed', { description: 'Failed for good.' }),
    canceled: t.exposeInt('tasksCanceled', { description: 'Canceled.' }),
  }),
});

interface StoredFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedAt?: string | null;
  readonly sha256?: string | null;
}
const SubmittedFile = builder.objectRef<StoredFile>('SubmittedFile').implement({
  description: 'A file that the job reads. Each attempt checks that it is the one that was submitted.',
  fields: (t) => ({
    path: t.exposeString('path', { description: 'Where it is.' }),
    bytes: t.exposeFloat('bytes', { description: 'Its size in bytes.' }),
    modifiedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was last changed.',
      resolve: ({ modifiedAt }) => (modifiedAt ? new Date(modifiedAt) : null),
    }),
    sha256: t.exposeString('sha256', { nullable: true, description: 'Its SHA-256, in hexadecimal.' }),
  }),
});

interface Block {
  readonly workerId: string;
  readonly taskType: string;
  readonly until: Date;
}
const WorkerBlock = builder.objectRef<Block>('WorkerBlock').implement({
  description: 'That a worker failed so many tasks of one type of the job that it gets no more of them for a while.',
  fields: (t) => ({
    worker: t.prismaField({ type: 'Worker', description: 'The worker.', resolve: readWorker }),
    taskType: t.exposeString('taskType', { description: 'The task type.' }),
    until: t.expose('until', { type: 'DateTime', description: 'When the block ends by itself.' }),
  }),
});

export const TaskFilter = builder.inputType('TaskFilter', {
  description: 'Which tasks of a job.',
  fields: (t) => ({
    statuses: t.field({ type: [TaskStatusEnum], description: 'Only those with one of these statuses.' }),
    workerId: t.id({ description: "Only those whose newest attempt is this worker's." }),
    frame: t.int({ description: 'Only those that hold this frame.' }),
  }),
});

/** The filter with the ids that the store knows. */
export function toTaskFilter(filter: typeof TaskFilter.$inferInput | null | undefined): StoredTaskFilter {
  const { statuses, workerId, frame } = filter ?? {};
  return { statuses, frame, workerId: workerId == null ? null : (decodeId('Worker', workerId) ?? NIL) };
}

export const JobRef = builder.prismaNode('Job', {
  nullable: true,
  id: { field: 'id', description: 'The global id.' },
  description: 'One submission: a job type, its settings, a priority; compiled into tasks.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What it is called.' }),
    type: t.exposeString('type', { description: 'The name of its job type.' }),
    jobType: t.field({
      type: JobTypeObject,
      nullable: true,
      description: 'Its job type; null when it was removed.',
      resolve: ({ type }, _args, { jobTypes }) => jobTypes.get(type),
    }),
    status: t.field({
      type: JobStatusEnum,
      description: 'Where it stands.',
      resolve: ({ status }) => status as JobStatus,
    }),
    statusReason: t.field({
      type: StatusReasonEnum,
      description: 'Why its status last changed.',
      resolve: ({ statusReason }) => statusReason as StatusReason,
    }),
    error: t.exposeString('error', { nullable: true, description: 'What failed, in words.' }),
    possibleNextStatuses: t.field({
      type: [JobStatusEnum],
      description: 'What may follow its status: the table, and nothing else.',
      resolve: ({ status }) => [...nextJobStatuses(status as JobStatus)],
    }),
    allowedActions: t.field({
      type: [JobActionEnum],
      description: 'What a user may do now: what a button may offer.',
      resolve: ({ status }) => allowedActions(status as JobStatus),
    }),
    priority: t.exposeInt('priority', { description: '0–100; a higher one is given out first.' }),
    maxWorkers: t.exposeInt('maxWorkers', {
      nullable: true,
      description: 'How many workers it has at most; 0 holds it, null sets no limit.',
    }),
    workerTag: t.exposeString('workerTag', {
      nullable: true,
      description: 'Only workers with this tag are given its tasks.',
    }),
    maxAttempts: t.exposeInt('maxAttempts', { description: 'Failures after which a task is failed for good.' }),
    failureLimitPercent: t.exposeInt('failureLimitPercent', {
      description: 'Percent of failed tasks at which the rest of the job is called off.',
    }),
    taskTimeoutSeconds: t.exposeInt('taskTimeoutSeconds', {
      nullable: true,
      description: 'Seconds that an attempt may take; null sets no limit.',
    }),
    noOutputTimeoutSeconds: t.exposeInt('noOutputTimeoutSeconds', {
      nullable: true,
      description: 'Seconds that an attempt may be silent; null sets no limit.',
    }),
    submitter: t.exposeString('submitter', { description: 'Who submitted it.' }),
    settings: t.field({ type: 'JSON', description: "Its job type's settings.", resolve: ({ settings }) => settings }),
    metadata: t.field({
      type: 'JSON',
      description: 'Whatever pipelines want to keep with it.',
      resolve: ({ metadata }) => metadata,
    }),
    files: t.field({
      type: [SubmittedFile],
      description: 'The files that it reads.',
      resolve: ({ files }) => files as unknown as StoredFile[],
    }),
    progress: t.float({
      description: 'How much of it is done, 0–1: by frames; a task without frames counts as one.',
      resolve: ({ workDone, workTotal }) => workDone / workTotal,
    }),
    frameCounts: t.field({ type: FrameCountsType, description: 'Its frames.', resolve: (job) => job }),
    taskCounts: t.field({ type: TaskCountsType, description: 'Its tasks, by status.', resolve: (job) => job }),
    secondsElapsed: t.int({
      description: 'Seconds from the first claim until now, or until it ended; 0 before.',
      resolve: ({ startedAt, finishedAt }, _args, { store }) =>
        startedAt ? Math.max(0, Math.round(((finishedAt ?? store.now()).getTime() - startedAt.getTime()) / 1000)) : 0,
    }),
    secondsLeft: t.int({
      nullable: true,
      description:
        'Seconds until its frames are done: frames left × the median of its newest frames ÷ workers on it now. Null without a worker and before three frames.',
      resolve: (job) => countSecondsLeft(job),
    }),
    waitingFor: t.field({
      type: [WaitingReasonEnum],
      description: 'Why the tasks wait that could be given out: each reason once.',
      select: { queues: true, blocks: true },
      resolve: async (job, _args, context, info) => {
        const { store } = context;
        const read = readForSiblings(context, info, 'histories', (ids) => readHistories(store, ids));
        const histories = job.tasksClaimable === 0 ? null : await read(job.id);
        return jobWaitingReasons(job, histories ?? [], await context.farm(), store);
      },
    }),
    waitingNotes: t.field({
      type: ['String'],
      description: 'Where it waits for NO_CAPABLE_WORKER: what no worker has, in words, one for each task type.',
      select: { queues: true, blocks: true },
      resolve: async (job, _args, context) => jobWaitingNotes(job, await context.farm()),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was submitted.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When anything of it last changed.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its first task was given out.',
    }),
    finishedAt: t.expose('finishedAt', { type: 'DateTime', nullable: true, description: 'When it ended.' }),
    tasks: t.field({
      type: TaskConnection,
      description: 'Its tasks, in the order in which they are given out.',
      args: { ...t.arg.connectionArgs(), filter: t.arg({ type: TaskFilter, description: 'Which ones.' }) },
      resolve: ({ id }, { filter, ...page }, context, info) => {
        const { store } = context;
        const wanted = toTaskFilter(filter);
        const tasks: ChildList<Task> = {
          order: ORDER_OF_TASKS,
          list: (jobIds, window) => listTasks(store, jobIds, wanted, window),
          count: (jobIds) => countTasks(store, jobIds, wanted),
          find: (query, ids) => store.prisma.task.findMany({ ...query, where: { id: { in: ids } } }),
        };
        return readChildPage(id, page, tasks, context, info);
      },
    }),
    workerBlocks: t.field({
      type: [WorkerBlock],
      description: 'Workers that get no more of its tasks for a while; unblockWorker lifts that.',
      select: { blocks: { orderBy: { until: 'asc' } } },
      resolve: ({ blocks }, _args, { store }) => blocks.filter(({ until }) => until > store.now()),
    }),
  }),
});

export const JobConnection = connectionOf('Job', JobRef, 'jobs');
builder.objectField(JobConnection, 'feedCursor', (t) =>
  t.field({
    type: 'Cursor',
    description: 'A position in the event feed: given as `after`, statusChanges goes on from this page without a gap.',
    resolve: (page) => (page as Page<Job> & FedPage).feedCursor,
  }),
);
/** The cursor is taken before the rows are read: what they already show may come once more, nothing is left out. */
interface FedPage {
  readonly feedCursor: string;
}

const JOB_ORDERS = {
  CREATED_AT: { key: 'createdAt', description: 'When it was submitted.' },
  UPDATED_AT: { key: 'updatedAt', description: 'When anything of it last changed.' },
  PRIORITY: { key: 'priority', description: 'Its priority.' },
  NAME: { key: 'name', description: 'Its name.' },
  STATUS: { key: 'status', description: "Its status's name." },
} as const satisfies Record<string, { key: JobSortKey; description: string }>;
type JobOrderField = keyof typeof JOB_ORDERS;

const JobOrderFieldEnum = enumFromTable(
  'JobOrderField',
  'What jobs are ordered by.',
  Object.fromEntries(Object.entries(JOB_ORDERS).map(([name, { description }]) => [name, description])) as Record<
    JobOrderField,
    string
  >,
);
const OrderDirectionEnum = enumFromTable('OrderDirection', 'Which end comes first.', {
  ASC: 'The smallest, the oldest.',
  DESC: 'The greatest, the newest.',
});

export const JobOrder = builder.inputType('JobOrder', {
  description: 'The order of jobs; equal ones follow by age.',
  fields: (t) => ({
    field: t.field({ type: JobOrderFieldEnum, required: true, description: 'By what.' }),
    direction: t.field({ type: OrderDirectionEnum, required: true, description: 'Which end comes first.' }),
  }),
});

/** @throws GraphQLError BAD_REQUEST */
export function toJobFilter(filter: typeof JobFilter.$inferInput | null | undefined): StoredJobFilter {
  const { search, searches, matches } = CHECKS;
  const checks = { submitter: search, nameContains: search, types: searches, metadata: matches };
  refuseArguments('filter', findIssues<typeof JobFilter.$inferInput>(filter ?? {}, checks));
  return filter ?? {};
}

/** The newest first where nothing is given. */
export function toSortOrder(order: typeof JobOrder.$inferInput | null | undefined): SortOrder {
  return orderOfJobs(JOB_ORDERS[order?.field ?? 'CREATED_AT'].key, order?.direction === 'ASC' ? 'asc' : 'desc');
}

const MetadataMatch = builder.inputType('MetadataMatch', {
  description: 'A value in the metadata.',
  fields: (t) => ({
    key: t.string({ required: true, description: 'The key.' }),
    value: t.string({
      required: true,
      description: 'The text that it must have; a number, true or false is the same as its text.',
    }),
  }),
});

export const JobFilter = builder.inputType('JobFilter', {
  description: 'Which jobs: those for which everything that is given holds.',
  fields: (t) => ({
    statuses: t.field({ type: [JobStatusEnum], description: 'Only those with one of these statuses.' }),
    types: t.stringList({ description: 'Only those of these job types; at most 100.' }),
    submitter: t.string({ description: 'Only those of this submitter.' }),
    nameContains: t.string({
      description: 'Only those whose name has this in it, in upper or lower case; at most 200 characters.',
    }),
    metadata: t.field({
      type: [MetadataMatch],
      description: 'Only those with all of these values in their metadata; at most 20.',
    }),
    createdAfter: t.field({ type: 'DateTime', description: 'Only those submitted after it.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Only those submitted before it.' }),
  }),
});

builder.queryFields((t) => ({
  job: t.prismaField({
    type: 'Job',
    nullable: true,
    description: 'A job by its id; null when there is none.',
    args: { id: t.arg.id({ required: true, description: 'Its id.' }) },
    resolve: async (query, _root, args, { store }) => {
      const id = decodeId('Job', args.id);
      return id ? await store.prisma.job.findUnique({ ...query, where: { id } }) : null;
    },
  }),
  jobs: t.field({
    type: JobConnection,
    description: 'The jobs, the newest first unless another order is asked for.',
    args: {
      ...t.arg.connectionArgs(),
      filter: t.arg({ type: JobFilter, description: 'Which ones.' }),
      orderBy: t.arg({
        type: JobOrder,
        defaultValue: { field: 'CREATED_AT', direction: 'DESC' },
        description: 'In which order.',
      }),
    },
    resolve: async (_root, { filter, orderBy, ...page }, context, info) => {
      const { store } = context;
      const order = toSortOrder(orderBy);
      const wanted = toJobFilter(filter);
      const feedCursor = context.feed.headCursor();
      const read = await readPage(page, {
        order,
        async read(window) {
          const ids = await listJobs(store, wanted, order, window);
          const rows = await store.prisma.job.findMany({ ...askedFor(context, info), where: { id: { in: ids } } });
          return inOrderOf(ids, rows);
        },
        count: () => countJobs(store, wanted),
      });
      return { ...read, feedCursor } satisfies FedPage;
    },
  }),
}));

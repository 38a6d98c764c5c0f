import { NotFoundError } from '../domain/errors.ts';
import {
  ALL_WAITING,
  createPage,
  type LivePage,
  type PageSource,
  type PageUpdate,
  updateSince,
} from '../feed/live-page.ts';
import { isWaiting, printJob, printTask } from '../feed/live-rows.ts';
import { inOrderOf } from '../feed/read-together.ts';
import { isFarmChange } from '../feed/wake.ts';
import type { Job, Task, Worker } from '../generated/prisma/client.ts';
import { listJobs } from '../store/list-jobs.ts';
import { listTasks } from '../store/list-tasks.ts';
import { listWorkers } from '../store/list-workers.ts';
import type { PageWindow } from '../store/page-window.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { onlyMessage, resultUnion, toResult } from './errors.ts';
import { decodeId, encodeId, type Noun } from './global-id.ts';
import { JobFilter, JobOrder, JobRef, TaskFilter, toJobFilter, toSortOrder, toTaskFilter } from './job.ts';
import { checkSize } from './page.ts';
import { TaskRef } from './task.ts';
import { toWorkerFilter, WorkerFilter, WorkerRef } from './worker.ts';

/** Lists as they are: the whole page first, then what changed and the new order. */

const ORDER = 'The ids of the whole page, in order: what is not among them is on it no longer.';
const CURSOR = 'A position in the event feed: given as `after`, statusChanges goes on from this state without a gap.';

const JobsUpdate = builder.objectRef<PageUpdate<Job>>('JobsUpdate').implement({
  description: 'How a page of jobs has changed.',
  fields: (t) => ({
    changed: t.field({
      type: [JobRef],
      description: 'The jobs that changed or are new on the page; of the first message all of them.',
      resolve: ({ changed }) => [...changed],
    }),
    order: t.idList({ description: ORDER, resolve: ({ order }) => encodeAll('Job', order) }),
    cursor: t.expose('cursor', { type: 'Cursor', description: CURSOR }),
  }),
});

const TasksUpdate = builder.objectRef<PageUpdate<Task>>('TasksUpdate').implement({
  description: 'How a page of tasks has changed.',
  fields: (t) => ({
    changed: t.field({
      type: [TaskRef],
      description: 'The tasks that changed or are new on the page; of the first message all of them.',
      resolve: ({ changed }) => [...changed],
    }),
    order: t.idList({ description: ORDER, resolve: ({ order }) => encodeAll('Task', order) }),
    cursor: t.expose('cursor', { type: 'Cursor', description: CURSOR }),
  }),
});
const TasksUpdateResult = resultUnion('TasksUpdateResult', TasksUpdate, ['NotFoundError']);

const WorkersUpdate = builder.objectRef<PageUpdate<Worker>>('WorkersUpdate').implement({
  description: 'How a page of workers has changed.',
  fields: (t) => ({
    changed: t.field({
      type: [WorkerRef],
      description: 'The workers that changed or are new on the page; of the first message all of them.',
      resolve: ({ changed }) => [...changed],
    }),
    order: t.idList({ description: ORDER, resolve: ({ order }) => encodeAll('Worker', order) }),
  }),
});

function encodeAll(noun: Noun, ids: readonly string[]): string[] {
  return ids.map((id) => encodeId(noun, id));
}

builder.subscriptionFields((t) => ({
  jobsUpdated: t.field({
    type: JobsUpdate,
    description: 'The first jobs of a list as they are, and what changes of them, at most ten times a second.',
    args: {
      filter: t.arg({ type: JobFilter, description: 'Which ones.' }),
      orderBy: t.arg({ type: JobOrder, description: 'In which order; the newest first when nothing is given.' }),
      first: t.arg.int({ required: true, defaultValue: 50, description: 'How many, from 1 to 100.' }),
    },
    subscribe: (_root, args, context) => {
      checkSize('first', args.first);
      const { store } = context;
      const order = toSortOrder(args.orderBy);
      const wanted = toJobFilter(args.filter);
      return followPage<Job>(context, `jobs ${JSON.stringify(args)}`, {
        concernOf: (wake) => (isFarmChange(wake) ? [ALL_WAITING] : wake.jobIds.size > 0 ? wake.jobIds : null),
        async readRows() {
          const ids = await listJobs(store, wanted, order, firstOnes(args.first));
          return inOrderOf(ids, await store.prisma.job.findMany({ where: { id: { in: ids } } })).filter(
            (row) => row !== null,
          );
        },
        print: printJob,
        isWaiting: ({ tasksClaimable }) => tasksClaimable > 0,
      });
    },
    resolve: (update) => update!,
  }),
  tasksUpdated: t.field({
    type: TasksUpdateResult,
    description:
      'The first tasks of a job as they are, and what changes of them, at most ten times a second. It ends with NotFoundError when the job is deleted.',
    args: {
      jobId: t.arg.id({ required: true, description: 'The job.' }),
      filter: t.arg({ type: TaskFilter, description: 'Which ones.' }),
      first: t.arg.int({ required: true, defaultValue: 100, description: 'How many, from 1 to 100.' }),
    },
    subscribe: (_root, args, context) => {
      checkSize('first', args.first);
      const jobId = decodeId('Job', String(args.jobId));
      return jobId
        ? followPage(context, `tasks ${JSON.stringify(args)}`, tasksOf(context, jobId, args))
        : onlyMessage(null);
    },
    resolve: (update, { jobId }) => update ?? toResult(new NotFoundError('job', String(jobId))),
  }),
  workersUpdated: t.field({
    type: WorkersUpdate,
    description: 'The first workers by name as they are, and what changes of them, at most ten times a second.',
    args: {
      filter: t.arg({ type: WorkerFilter, description: 'Which ones.' }),
      first: t.arg.int({ required: true, defaultValue: 100, description: 'How many, from 1 to 100.' }),
    },
    subscribe: (_root, args, context) => {
      checkSize('first', args.first);
      const { store } = context;
      const wanted = toWorkerFilter(args.filter);
      return followPage<Worker>(context, `workers ${JSON.stringify(args)}`, {
        concernOf: ({ workerIds }) => (workerIds.size > 0 ? workerIds : null),
        async readRows() {
          const ids = await listWorkers(store, wanted, firstOnes(args.first));
          return inOrderOf(ids, await store.prisma.worker.findMany({ where: { id: { in: ids } } })).filter(
            (row) => row !== null,
          );
        },
        print: printWorker,
        isWaiting: () => false,
      });
    },
    resolve: (update) => update!,
  }),
}));

function firstOnes(take: number): PageWindow {
  return { after: null, before: null, isBackward: false, take };
}

function tasksOf(
  { store }: Context,
  jobId: string,
  { filter, first }: { filter?: typeof TaskFilter.$inferInput | null; first: number },
): Omit<PageSource<Task>, 'headCursor'> {
  const wanted = toTaskFilter(filter);
  let jobStatus = '';
  return {
    concernOf: (wake) => (wake.jobIds.has(jobId) ? [] : isFarmChange(wake) ? [ALL_WAITING] : null),
    async readRows() {
      const job = await store.prisma.job.findUnique({ where: { id: jobId }, select: { status: true } });
      if (!job) return null;
      jobStatus = job.status;
      const ids = (await listTasks(store, [jobId], wanted, firstOnes(first))).get(jobId)!;
      return inOrderOf(ids, await store.prisma.task.findMany({ where: { id: { in: ids } } })).filter(
        (row) => row !== null,
      );
    },
    print: (task) => printTask(task, jobStatus),
    isWaiting,
  };
}

/** Each beat of a worker moves `lastSeenAt` without waking anybody; it is shown to the quarter of a minute. */
const SEEN_STEP_MS = 15_000;

function printWorker({ lastSeenAt, tokenHash: _, ...rest }: Worker): string {
  return JSON.stringify([rest, Math.floor(lastSeenAt.getTime() / SEEN_STEP_MS)]);
}

/** What a stream gets of a page, update by update; null when there is no such page any more, and then it ends. */
async function* followPage<Row extends { readonly id: string }>(
  { feed, signal }: Context,
  key: string,
  source: Omit<PageSource<Row>, 'headCursor'>,
): AsyncGenerator<PageUpdate<Row> | null> {
  const makeSource = () => createPage<Row>({ ...source, headCursor: () => feed.headCursor() });
  let seen = 0;
  for await (const state of feed.states.follow<LivePage<Row>>(key, makeSource, signal)) {
    const update = updateSince(state, seen);
    yield update;
    if (!update) return;
    seen = state.version;
  }
}

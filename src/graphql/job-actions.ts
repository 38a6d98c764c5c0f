import { encodeCursor } from '../feed/cursor.ts';
import type { JobChange } from '../store/change-job.ts';
import { deleteJob } from '../store/delete-job.ts';
import { setJobStatus } from '../store/set-job-status.ts';
import type { EventPosition } from '../store/store.ts';
import { unblockWorker } from '../store/unblock-worker.ts';
import { updateJob } from '../store/update-job.ts';
import { actionInput, COMMENT, manyInput } from './action-input.ts';
import { builder } from './builder.ts';
import { actorOf, type Context } from './context.ts';
import { orUserError, resultUnion } from './errors.ts';
import { requireId } from './global-id.ts';
import { CHECKS, findIssues, forEachId, refuseIssues } from './input.ts';
import { JobStatusEnum } from './status.ts';
import { readJob } from './stored.ts';

/** What users do to a job. */

const JobSuccess = builder.objectRef<JobChange>('JobSuccess').implement({
  description: 'It was done, or had been asked for already.',
  fields: (t) => ({
    job: t.prismaField({
      type: 'Job',
      description: 'The job as it is now.',
      resolve: readJob,
    }),
    cursor: t.field({
      type: 'Cursor',
      description: 'Where the change stands in the event feed.',
      resolve: ({ position }, _args, { feed }) => encodeCursor(feed, position),
    }),
    changed: t.exposeBoolean('changed', { description: 'False when the same had been asked for already.' }),
  }),
});
const JobResult = resultUnion('JobResult', JobSuccess, [
  'NotFoundError',
  'JobTransitionError',
  'InvalidInputError',
  'ForbiddenError',
]);
const UpdateJobResult = resultUnion('UpdateJobResult', JobSuccess, [
  'NotFoundError',
  'InvalidInputError',
  'ForbiddenError',
]);

const DeleteSuccess = builder.objectRef<{ deletedId: string; position: EventPosition }>('DeleteSuccess').implement({
  description:
    'The job is deleted, with its tasks, attempts and logs. What happened to it stays readable in the event feed for a while.',
  fields: (t) => ({
    deletedId: t.exposeID('deletedId', { description: 'Its id.' }),
    cursor: t.field({
      type: 'Cursor',
      description: 'Where the deletion stands in the event feed.',
      resolve: ({ position }, _args, { feed }) => encodeCursor(feed, position),
    }),
  }),
});
const DeleteJobResult = resultUnion('DeleteJobResult', DeleteSuccess, [
  'NotFoundError',
  'JobNotDeletableError',
  'ForbiddenError',
]);

const ID = 'The job.';
const IDS = 'The jobs, at most 1,000.';

const CancelJobInput = actionInput('CancelJobInput', 'Which job to cancel.', ID);
const RequeueJobInput = actionInput('RequeueJobInput', 'Which job to requeue.', ID);
const CancelJobsInput = manyInput('CancelJobsInput', 'Which jobs to cancel.', IDS);
const RequeueJobsInput = manyInput('RequeueJobsInput', 'Which jobs to requeue.', IDS);
const SetJobStatusInput = builder.inputType('SetJobStatusInput', {
  description: 'Which job is to get which status.',
  fields: (t) => ({
    id: t.id({ required: true, description: ID }),
    status: t.field({ type: JobStatusEnum, required: true, description: 'The status that is asked for.' }),
    comment: t.string({ description: COMMENT }),
  }),
});
const UpdateJobInput = builder.inputType('UpdateJobInput', {
  description: 'What to change of a job. Absent: left as it is; null: cleared.',
  fields: (t) => ({
    id: t.id({ required: true, description: ID }),
    name: t.string({ description: 'Its new name.' }),
    priority: t.int({ description: '0–100; a higher one is given out first.' }),
    maxWorkers: t.int({ description: 'How many workers it has at most; 0 holds it.' }),
    workerTag: t.string({ description: 'Only workers with this tag are given its tasks.' }),
    metadata: t.field({
      type: 'JSON',
      description: 'Whatever pipelines want to keep with it; the whole object is replaced.',
    }),
  }),
});
const DeleteJobInput = builder.inputType('DeleteJobInput', {
  description: 'Which job to delete.',
  fields: (t) => ({ id: t.id({ required: true, description: ID }) }),
});
const DeleteJobsInput = builder.inputType('DeleteJobsInput', {
  description: 'Which jobs to delete.',
  fields: (t) => ({ ids: t.idList({ required: true, description: 'The jobs, at most 1,000.' }) }),
});
const UnblockWorkerInput = builder.inputType('UnblockWorkerInput', {
  description: 'Which block to lift.',
  fields: (t) => ({
    jobId: t.id({ required: true, description: ID }),
    workerId: t.id({ required: true, description: 'The worker.' }),
    taskType: t.string({ required: true, description: 'The task type.' }),
  }),
});

type Target = Parameters<typeof setJobStatus>[2];

function ask(context: Context, id: string, to: Target, comment: string | null | undefined) {
  return orUserError(() => {
    refuseIssues(findIssues({ comment }, { comment: CHECKS.comment }));
    return setJobStatus(context.store, requireId('Job', id), to, { actor: actorOf(context), comment });
  });
}

/** An id that stands there twice was changed already when its second turn comes. */
function askMany(context: Context, { ids, comment }: typeof CancelJobsInput.$inferInput, to: Target) {
  const done = new Map<string, Awaited<ReturnType<typeof ask>>>();
  return forEachId(ids, async (id) => {
    const earlier = done.get(id);
    if (earlier) return 'changed' in earlier ? { ...earlier, changed: false } : earlier;
    const result = await ask(context, id, to, comment);
    done.set(id, result);
    return result;
  });
}

builder.mutationFields((t) => ({
  cancelJob: t.field({
    type: JobResult,
    description: 'Cancels a job: what waits ends at once, what runs is stopped, with everything that it started.',
    args: { input: t.arg({ type: CancelJobInput, required: true, description: 'Which job.' }) },
    resolve: (_root, { input }, context) => ask(context, input.id, { request: 'cancel' }, input.comment),
  }),
  requeueJob: t.field({
    type: JobResult,
    description: 'Puts a finished job back: the tasks that did not complete, or all of them when every one did.',
    args: { input: t.arg({ type: RequeueJobInput, required: true, description: 'Which job.' }) },
    resolve: (_root, { input }, context) => ask(context, input.id, { request: 'requeue' }, input.comment),
  }),
  setJobStatus: t.field({
    type: JobResult,
    description:
      'Asks for a status by name: CANCELED or CANCEL_REQUESTED cancel, QUEUED or REQUEUEING requeue. The others are set by the gateway only.',
    args: { input: t.arg({ type: SetJobStatusInput, required: true, description: 'Which job, and which status.' }) },
    resolve: (_root, { input }, context) => ask(context, input.id, input.status, input.comment),
  }),
  cancelJobs: t.field({
    type: [JobResult],
    description: 'Cancels many jobs: one result per id, in order; each its own transaction.',
    args: { input: t.arg({ type: CancelJobsInput, required: true, description: 'Which jobs.' }) },
    resolve: (_root, { input }, context) => askMany(context, input, { request: 'cancel' }),
  }),
  requeueJobs: t.field({
    type: [JobResult],
    description: 'Requeues many jobs: one result per id, in order; each its own transaction.',
    args: { input: t.arg({ type: RequeueJobsInput, required: true, description: 'Which jobs.' }) },
    resolve: (_root, { input }, context) => askMany(context, input, { request: 'requeue' }),
  }),
  updateJob: t.field({
    type: UpdateJobResult,
    description: 'Changes what a job is called and how it takes its turn. Running tasks go on.',
    args: { input: t.arg({ type: UpdateJobInput, required: true, description: 'Which job, and what.' }) },
    resolve: (_root, { input }, { store }) =>
      orUserError(() => {
        const { id, ...update } = input;
        const { name, priority, maxWorkers, metadata } = CHECKS;
        const notNull = (['name', 'priority', 'metadata'] as const)
          .filter((key) => update[key] === null)
          .map((key) => ({
            path: [key],
            message: `${key} cannot be cleared.`,
            given: null,
            allowed: CHECKS[key].allowed,
          }));
        refuseIssues([
          ...findIssues(update, { name, priority, maxWorkers, workerTag: CHECKS.word, metadata }),
          ...notNull,
        ]);
        return updateJob(store, requireId('Job', id), update as Parameters<typeof updateJob>[2]);
      }),
  }),
  deleteJob: t.field({
    type: DeleteJobResult,
    description: 'Deletes a job that does not run. The files that it rendered stay.',
    args: { input: t.arg({ type: DeleteJobInput, required: true, description: 'Which job.' }) },
    resolve: (_root, { input }, context) => remove(context, input.id),
  }),
  deleteJobs: t.field({
    type: [DeleteJobResult],
    description: 'Deletes many jobs: one result per id, in order; each its own transaction.',
    args: { input: t.arg({ type: DeleteJobsInput, required: true, description: 'Which jobs.' }) },
    resolve: (_root, { input }, context) => forEachId(input.ids, (id) => remove(context, id)),
  }),
  unblockWorker: t.field({
    type: JobResult,
    description: 'Lets a worker have tasks of a job again that it has failed too often.',
    args: { input: t.arg({ type: UnblockWorkerInput, required: true, description: 'Which worker, of which job.' }) },
    resolve: (_root, { input }, { store }) =>
      orUserError(() => {
        refuseIssues(findIssues(input, { taskType: CHECKS.word }));
        return unblockWorker(store, requireId('Job', input.jobId), requireId('Worker', input.workerId), input.taskType);
      }),
  }),
}));

function remove(context: Context, id: string) {
  return orUserError(async () => ({
    deletedId: id,
    position: await deleteJob(context.store, requireId('Job', id), { actor: actorOf(context) }),
  }));
}

import { NotFoundError, UserError } from '../domain/errors.ts';
import type { TaskStatus } from '../domain/task-status.ts';
import { encodeCursor } from '../feed/cursor.ts';
import { setManyTaskStatuses } from '../store/set-many-task-statuses.ts';
import { setTaskStatus, type TaskChange, type TaskMutation } from '../store/set-task-status.ts';
import { actionInput, COMMENT, manyInput } from './action-input.ts';
import { builder } from './builder.ts';
import { actorOf, type Context } from './context.ts';
import { orUserError, resultUnion } from './errors.ts';
import { decodeId, requireId } from './global-id.ts';
import { CHECKS, findIssues, limitIds, refuseIssues } from './input.ts';
import { TaskStatusEnum } from './status.ts';
import { readJob, readTask } from './stored.ts';

/** What users do to a task. */

const TaskSuccess = builder.objectRef<TaskChange>('TaskSuccess').implement({
  description: 'It was done, or had been asked for already.',
  fields: (t) => ({
    task: t.prismaField({
      type: 'Task',
      description: 'The task as it is now.',
      resolve: readTask,
    }),
    job: t.prismaField({
      type: 'Job',
      description: 'Its job as it is now.',
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
const TaskResult = resultUnion('TaskResult', TaskSuccess, [
  'NotFoundError',
  'TaskTransitionError',
  'DependencyUnfinishedError',
  'InvalidInputError',
  'ForbiddenError',
]);

const ID = 'The task.';
const IDS = 'The tasks, at most 1,000.';

const CancelTaskInput = actionInput('CancelTaskInput', 'Which task to cancel.', ID);
const RequeueTaskInput = actionInput('RequeueTaskInput', 'Which task to requeue.', ID);
const CancelTasksInput = manyInput('CancelTasksInput', 'Which tasks to cancel.', IDS);
const RequeueTasksInput = manyInput('RequeueTasksInput', 'Which tasks to requeue.', IDS);
const SetTaskStatusInput = builder.inputType('SetTaskStatusInput', {
  description: 'Which task is to get which status.',
  fields: (t) => ({
    id: t.id({ required: true, description: ID }),
    status: t.field({ type: TaskStatusEnum, required: true, description: 'The status that is asked for.' }),
    comment: t.string({ description: COMMENT }),
  }),
});

function ask(context: Context, id: string, to: TaskStatus, comment: string | null | undefined, mutation: TaskMutation) {
  return orUserError(() => {
    refuseIssues(findIssues({ comment }, { comment: CHECKS.comment }));
    return setTaskStatus(context.store, requireId('Task', id), to, { actor: actorOf(context), comment }, mutation);
  });
}

async function askMany(
  context: Context,
  { ids, comment }: typeof CancelTasksInput.$inferInput,
  to: TaskStatus,
  mutation: TaskMutation,
) {
  const asked = limitIds(ids);
  const issues = findIssues({ comment }, { comment: CHECKS.comment });
  const stored = asked.map((id) => decodeId('Task', id));
  const known = issues.length > 0 ? [] : stored.filter((id) => id !== null);
  const asker = { actor: actorOf(context), comment };
  const results = (await setManyTaskStatuses(context.store, known, to, asker, mutation)).values();
  const resultOf = (id: string | null, given: string) => {
    refuseIssues(issues);
    if (id === null) throw new NotFoundError('task', given);
    const result = results.next().value!;
    if (result instanceof UserError) throw result;
    return result;
  };
  return await Promise.all(stored.map((id, index) => orUserError(() => resultOf(id, asked[index]!))));
}

builder.mutationFields((t) => ({
  cancelTask: t.field({
    type: TaskResult,
    description:
      'Cancels a task: at once when it waits or has failed; one that runs is stopped first. What depends on it cannot run any more.',
    args: { input: t.arg({ type: CancelTaskInput, required: true, description: 'Which task.' }) },
    resolve: (_root, { input }, context) => ask(context, input.id, 'canceled', input.comment, 'cancelTask'),
  }),
  requeueTask: t.field({
    type: TaskResult,
    description:
      'Puts a task back, with what depends on it as far as that has to be done again. Its failures are forgotten.',
    args: { input: t.arg({ type: RequeueTaskInput, required: true, description: 'Which task.' }) },
    resolve: (_root, { input }, context) => ask(context, input.id, 'queued', input.comment, 'requeueTask'),
  }),
  setTaskStatus: t.field({
    type: TaskResult,
    description:
      'Asks for a status by name: CANCELED cancels, QUEUED requeues; a soft-failed task can be given up (FAILED) or accepted as done (COMPLETED).',
    args: { input: t.arg({ type: SetTaskStatusInput, required: true, description: 'Which task, and which status.' }) },
    resolve: (_root, { input }, context) => ask(context, input.id, input.status, input.comment, 'setTaskStatus'),
  }),
  cancelTasks: t.field({
    type: [TaskResult],
    description: 'Cancels many tasks, in the order of their dependencies: one result per id, in the order of the ids.',
    args: { input: t.arg({ type: CancelTasksInput, required: true, description: 'Which tasks.' }) },
    resolve: (_root, { input }, context) => askMany(context, input, 'canceled', 'cancelTask'),
  }),
  requeueTasks: t.field({
    type: [TaskResult],
    description: 'Requeues many tasks, in the order of their dependencies: one result per id, in the order of the ids.',
    args: { input: t.arg({ type: RequeueTasksInput, required: true, description: 'Which tasks.' }) },
    resolve: (_root, { input }, context) => askMany(context, input, 'queued', 'requeueTask'),
  }),
}));

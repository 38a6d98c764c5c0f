import type { Command } from '../domain/command.ts';
import type { JobStatus } from '../domain/job-status.ts';
import { explainMissingWorker } from '../domain/missing-worker.ts';
import type { StatusReason } from '../domain/status-reason.ts';
import { isTaskRequestOffered } from '../domain/task-requests.ts';
import { nextTaskStatuses, type TaskStatus } from '../domain/task-status.ts';
import type { Attempt, Task } from '../generated/prisma/client.ts';
import { countAttempts, listAttempts, ORDER_OF_ATTEMPTS } from '../store/list-attempts.ts';
import { countDependencies, listDependencies, ORDER_OF_DEPENDENCIES } from '../store/list-tasks.ts';
import { AttemptConnection } from './attempt.ts';
import { builder, enumFromTable } from './builder.ts';
import { type ChildList, readChildPage } from './child-page.ts';
import { CommandType } from './command.ts';
import { connectionOf } from './connection.ts';
import type { Context } from './context.ts';
import { decodeId } from './global-id.ts';
import { StatusReasonEnum, TaskStatusEnum, WaitingReasonEnum } from './status.ts';
import { taskWaitingReason, wantedWork } from './waiting.ts';

const TASK_ACTIONS = {
  CANCEL: { to: 'canceled', description: 'cancelTask' },
  REQUEUE: { to: 'queued', description: 'requeueTask' },
  GIVE_UP: { to: 'failed', description: 'setTaskStatus FAILED: no further tries.' },
  ACCEPT: { to: 'completed', description: 'setTaskStatus COMPLETED: what is there is good enough.' },
} as const satisfies Record<string, { to: TaskStatus; description: string }>;
type TaskAction = keyof typeof TASK_ACTIONS;

const TaskActionEnum = enumFromTable(
  'TaskAction',
  'What a user may do to a task.',
  Object.fromEntries(Object.entries(TASK_ACTIONS).map(([name, { description }]) => [name, description])) as Record<
    TaskAction,
    string
  >,
);

function attemptsIn({ store }: Context): ChildList<Attempt> {
  return {
    order: ORDER_OF_ATTEMPTS,
    list: (taskIds, window) => listAttempts(store, taskIds, window),
    count: (taskIds) => countAttempts(store, taskIds),
    find: (query, ids) => store.prisma.attempt.findMany({ ...query, where: { id: { in: ids } } }),
  };
}

function dependenciesIn({ store }: Context): ChildList<Task> {
  return {
    order: ORDER_OF_DEPENDENCIES,
    list: (taskIds, window) => listDependencies(store, taskIds, window),
    count: (taskIds) => countDependencies(store, taskIds),
    find: (query, ids) => store.prisma.task.findMany({ ...query, where: { id: { in: ids } } }),
  };
}

export const TaskRef = builder.prismaNode('Task', {
  nullable: true,
  id: { field: 'id', description: 'The global id.' },
  description: 'The unit that a worker executes: a list of commands, as a rule for a chunk of frames.',
  fields: (t) => ({
    job: t.relation('job', { description: 'Its job.' }),
    index: t.exposeInt('index', {
      description: 'Its place in the job, from 0: the order in which tasks are given out.',
    }),
    name: t.exposeString('name', { description: 'What it is called.' }),
    type: t.exposeString('type', { description: 'Only workers that take this task type are given it.' }),
    frames: t.exposeString('frames', { nullable: true, description: 'Its frames, as `1-10`; null without frames.' }),
    status: t.field({
      type: TaskStatusEnum,
      description: 'Where it stands.',
      resolve: (task) => task.status as TaskStatus,
    }),
    statusReason: t.field({
      type: StatusReasonEnum,
      description: 'Why its status last changed.',
      resolve: (task) => task.statusReason as StatusReason,
    }),
    possibleNextStatuses: t.field({
      type: [TaskStatusEnum],
      description: 'What may follow its status: the table, and nothing else.',
      resolve: (task) => [...nextTaskStatuses(task.status as TaskStatus)],
    }),
    allowedActions: t.field({
      type: [TaskActionEnum],
      description: 'What a user may do now: what a button may offer.',
      select: {
        job: { select: { status: true } },
        attempts: { where: { endedAt: null }, select: { stopOrder: true } },
      },
      resolve: async (task, _args, context) => {
        const asked = {
          status: task.status as TaskStatus,
          isBeingCanceled: task.attempts.some(({ stopOrder }) => stopOrder === 'CANCELED'),
          waitsInVain: task.openDependencies > 0 && (await context.waitsInVain(task.id)),
        };
        return (Object.keys(TASK_ACTIONS) as TaskAction[]).filter((action) =>
          isTaskRequestOffered(task.job.status as JobStatus, asked, TASK_ACTIONS[action].to),
        );
      },
    }),
    progress: t.exposeFloat('progress', { description: 'How much of it is done, 0–1.' }),
    failedAttempts: t.exposeInt('failedAttempts', {
      description: "Failures that count towards the job's maxAttempts since it was last requeued by a user.",
    }),
    stopRequestedAt: t.expose('stopRequestedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its worker was told to stop; null when it was not.',
    }),
    waitingFor: t.field({
      type: WaitingReasonEnum,
      nullable: true,
      description: 'Why it waits; null when it does not wait.',
      select: {
        failures: true,
        job: { select: { tasksActive: true, maxWorkers: true, workerTag: true, needs: true, blocks: true } },
      },
      resolve: async (task, _args, context) => taskWaitingReason(task, task.job, await context.farm(), context.store),
    }),
    waitingNote: t.string({
      nullable: true,
      description: 'Where it waits for NO_CAPABLE_WORKER: what no worker has, in words.',
      select: {
        failures: true,
        job: { select: { tasksActive: true, maxWorkers: true, workerTag: true, needs: true, blocks: true } },
      },
      resolve: async (task, _args, context) => {
        const farm = await context.farm();
        return taskWaitingReason(task, task.job, farm, context.store) === 'NO_CAPABLE_WORKER'
          ? explainMissingWorker(wantedWork(task.job, task.type), farm)
          : null;
      },
    }),
    needs: t.stringList({
      description: 'What a worker must offer for it, beside its type: `blender:5.2`, `root:proj`, …',
      select: { type: true, job: { select: { needs: true, workerTag: true } } },
      resolve: ({ job, type }) => [...wantedWork(job, type).needs],
    }),
    worker: t.relation('worker', { nullable: true, description: 'The worker of its newest attempt.' }),
    commands: t.field({
      type: [CommandType],
      description: 'What a worker does, in this order.',
      resolve: (task) => task.commands as unknown as Command[],
    }),
    attempts: t.field({
      type: AttemptConnection,
      description: 'Its executions, the first one first.',
      args: t.arg.connectionArgs(),
      resolve: (task, args, context, info) => readChildPage(task.id, args, attemptsIn(context), context, info),
    }),
  }),
});

export const TaskConnection = connectionOf('Task', TaskRef, 'tasks');

builder.prismaObjectField('Task', 'dependencies', (t) =>
  t.field({
    type: TaskConnection,
    description: 'The tasks that must be completed before it.',
    args: t.arg.connectionArgs(),
    resolve: (task, args, context, info) => readChildPage(task.id, args, dependenciesIn(context), context, info),
  }),
);

builder.queryField('task', (t) =>
  t.prismaField({
    type: 'Task',
    nullable: true,
    description: 'A task by its id; null when there is none.',
    args: { id: t.arg.id({ required: true, description: 'Its id.' }) },
    resolve: async (query, _root, args, { store }) => {
      const id = decodeId('Task', args.id);
      return id ? await store.prisma.task.findUnique({ ...query, where: { id } }) : null;
    },
  }),
);

import { judgeJobRequest } from '../../src/domain/job-requests.ts';
import { mayRunTasks } from '../../src/domain/job-status.ts';
import { judgeTaskRequest, type TaskRequest } from '../../src/domain/task-requests.ts';
import { isOpenTask } from '../../src/domain/task-status.ts';
import type { ModelTask, State } from './state.ts';

/**
 * Whatever can happen to a job. `on: 'worker'`: to every attempt of one worker in one transaction; without a task that is
 * the worker that holds all live attempts.
 */
// biome-ignore format: one action per line
export const ACTIONS = {
  cancelJob:        { by: 'user',   on: 'job' },
  requeueJob:       { by: 'user',   on: 'job' },
  cancelTask:       { by: 'user',   on: 'task' },    // an active one is told to stop
  requeueTask:      { by: 'user',   on: 'task' },
  giveUpTask:       { by: 'user',   on: 'task' },
  acceptTask:       { by: 'user',   on: 'task' },
  sleepWorker:      { by: 'user',   on: 'task' },    // the worker of this task is to sleep now: its attempt is recalled
  deleteWorker:     { by: 'user',   on: 'worker' },
  claim:            { by: 'worker', on: 'task' },
  complete:         { by: 'worker', on: 'task' },
  fail:             { by: 'worker', on: 'task' },
  timeOut:          { by: 'worker', on: 'task' },
  lose:             { by: 'worker', on: 'worker' },  // the lease ends, or the worker signs on anew
  stop:             { by: 'worker', on: 'task' },    // confirms the order
  leaveUnconfirmed: { by: 'worker', on: 'task' },    // the gateway ends the attempt as STOPPED
  handBack:         { by: 'worker', on: 'task' },
  resume:           { by: 'worker', on: 'task' },
  deliverLate:      { by: 'worker', on: 'task' },
  wait:             { by: 'worker', on: 'job' },     // ten minutes: every back-off is over
} as const satisfies Record<string, { by: 'user' | 'worker'; on: 'job' | 'task' | 'worker' }>;
export type ActionKind = keyof typeof ACTIONS;

/** `task`: index in the plan; null where the action is one of the job or of all live attempts. */
export interface Action {
  readonly kind: ActionKind;
  readonly task: number | null;
  /** What another worker reports in the same transaction: the gateway takes reports in batches. */
  readonly together?: Action;
}

/** Whether workers and the passing of time bring the action about, without any user. */
export function isWorkerEvent({ kind }: Action): boolean {
  return ACTIONS[kind].by === 'worker';
}

/** `fail 2`; tasks are counted from 1, as in their names. */
export function describeAction({ kind, task, together }: Action): string {
  const own = task === null ? kind : `${kind} ${task + 1}`;
  return together ? `${own} and ${describeAction(together)}` : own;
}

const KIND_OF_REQUEST: Record<TaskRequest, ActionKind> = {
  cancel: 'cancelTask',
  stop: 'cancelTask',
  requeue: 'requeueTask',
  'give-up': 'giveUpTask',
  accept: 'acceptTask',
};

/** Everything that users may ask for and that can happen on the farm. A requeueTask among them may still be refused. */
export function enabledActions(state: State): Action[] {
  const { job, tasks } = state;
  const actions: Action[] = [];
  if ('request' in judgeJobRequest(job.status, 'cancel-requested')) actions.push({ kind: 'cancelJob', task: null });
  if ('request' in judgeJobRequest(job.status, 'requeueing')) actions.push({ kind: 'requeueJob', task: null });
  tasks.forEach((task, index) => {
    const asked = { status: task.status, isBeingCanceled: task.stop?.order === 'CANCELED' };
    for (const to of ['canceled', 'queued', 'failed', 'completed'] as const) {
      const verdict = judgeTaskRequest(job.status, asked, to);
      if ('request' in verdict) actions.push({ kind: KIND_OF_REQUEST[verdict.request], task: index });
    }
    for (const kind of eventsOf(task, mayRunTasks(job.status))) actions.push({ kind, task: index });
  });
  if (tasks.filter(({ status }) => status === 'active').length > 1)
    actions.push({ kind: 'lose', task: null }, { kind: 'deleteWorker', task: null });
  if (tasks.some(({ backsOff }) => backsOff)) actions.push({ kind: 'wait', task: null });
  return actions;
}

const ALWAYS = ['complete', 'fail', 'timeOut', 'lose', 'handBack', 'deleteWorker'] as const;
const WITHOUT_ORDER = [...ALWAYS, 'sleepWorker'] as const;
const WITH_ORDER = [...ALWAYS, 'stop', 'leaveUnconfirmed'] as const;
const AFTER_LOSS = ['resume', 'deliverLate', 'deleteWorker'] as const;

function eventsOf(task: ModelTask, mayRun: boolean): readonly ActionKind[] {
  if (task.status === 'active') return task.stop ? WITH_ORDER : WITHOUT_ORDER;
  const mayClaim = mayRun && isOpenTask(task.status) && task.openDependencies === 0 && !task.backsOff;
  if (!task.mayComeBack) return mayClaim ? ['claim'] : [];
  return mayClaim ? ['claim', ...AFTER_LOSS] : AFTER_LOSS;
}

/** Every two reports of different tasks that one transaction may take before the job is settled. */
export function enabledBatches({ tasks }: State): Action[] {
  const reports = tasks.map((task, index) => reportsOf(task).map((kind): Action => ({ kind, task: index })));
  return reports.flatMap((first, index) =>
    first.flatMap((action) =>
      reports.slice(index + 1).flatMap((rest) => rest.map((together) => ({ ...action, together }))),
    ),
  );
}

const REPORTS = ['complete', 'fail', 'lose'] as const;
const LATE_REPORTS = ['resume', 'deliverLate'] as const;

function reportsOf(task: ModelTask): readonly ActionKind[] {
  if (task.status === 'active') return REPORTS;
  return task.mayComeBack ? LATE_REPORTS : [];
}

import {
  type AttemptEnd,
  acceptLateResult,
  claimTask,
  endAttempt,
  resumeAttempt,
} from '../../src/domain/attempt-actions.ts';
import { DependencyUnfinishedError } from '../../src/domain/errors.ts';
import { cancelJob, changeTask, requeueJob, requeueTask } from '../../src/domain/job-actions.ts';
import { JobLedger, type StatusRecord } from '../../src/domain/job-ledger.ts';
import { judgeJobRequest } from '../../src/domain/job-requests.ts';
import { mayRunTasks } from '../../src/domain/job-status.ts';
import { isOpenTask } from '../../src/domain/task-status.ts';
import { judgeTaskRequest, type TaskRequest } from '../../src/domain/task-requests.ts';
import type { Plan } from './plan.ts';
import { type ModelTask, NOW, openLedger, readState, type State, taskId, WORKER } from './state.ts';

export type { State } from './state.ts';

/**
 * Whatever can happen to a job. `on: 'worker'`: to every attempt of one worker in one transaction; without a task that is
 * the worker that holds all live attempts.
 */
// biome-ignore format: one action per line
export const ACTIONS = {
  cancelJob:       { by: 'user',   on: 'job' },
  requeueJob:      { by: 'user',   on: 'job' },
  cancelTask:      { by: 'user',   on: 'task' },    // an active one is told to stop
  requeueTask:     { by: 'user',   on: 'task' },
  giveUpTask:      { by: 'user',   on: 'task' },
  acceptTask:      { by: 'user',   on: 'task' },
  sleepWorker:     { by: 'user',   on: 'task' },    // the worker of this task is asked to sleep now: its attempt is recalled
  deleteWorker:    { by: 'user',   on: 'worker' },
  claim:           { by: 'worker', on: 'task' },
  complete:        { by: 'worker', on: 'task' },
  fail:            { by: 'worker', on: 'task' },
  timeOut:         { by: 'worker', on: 'task' },
  lose:            { by: 'worker', on: 'worker' },  // the lease ends, or the worker signs on anew
  stop:            { by: 'worker', on: 'task' },    // confirms the order
  leaveUnconfirmed:{ by: 'worker', on: 'task' },    // the gateway ends the attempt as STOPPED
  handBack:        { by: 'worker', on: 'task' },
  resume:          { by: 'worker', on: 'task' },
  deliverLate:     { by: 'worker', on: 'task' },
  wait:            { by: 'worker', on: 'job' },     // ten minutes: every back-off is over
} as const satisfies Record<string, { by: 'user' | 'worker'; on: 'job' | 'task' | 'worker' }>;
export type ActionKind = keyof typeof ACTIONS;

/** `task`: index in the plan; null where the action is one of the job or of all live attempts. */
export interface Action {
  readonly kind: ActionKind;
  readonly task: number | null;
}

export interface Step {
  /** The state after the action: the one before it where the action was refused. */
  readonly state: State;
  readonly records: readonly StatusRecord[];
  /** What the domain worked on: its counters, and what it wants to be written. */
  readonly ledger: JobLedger;
  readonly refusal: DependencyUnfinishedError | null;
}

const USER = { actor: 'user' } as const;
const ATTEMPT_IDS = { id: 'attempt', token: 'token' };
const FAILURE = { kind: 'OTHER', message: 'it broke' } as const;

// biome-ignore format: one end per line
const ENDS = {
  complete:         { outcome: 'COMPLETED',   actor: WORKER.name },
  fail:             { outcome: 'FAILED',      actor: WORKER.name, failure: FAILURE },
  timeOut:          { outcome: 'TIMED_OUT',   actor: 'gateway' },
  lose:             { outcome: 'LOST',        actor: 'gateway' },
  stop:             { outcome: 'STOPPED',     actor: WORKER.name },
  leaveUnconfirmed: { outcome: 'STOPPED',     actor: 'gateway' },
  handBack:         { outcome: 'HANDED_BACK', actor: WORKER.name },
  deleteWorker:     { outcome: 'STOPPED',     actor: USER.actor },
} as const satisfies Partial<Record<ActionKind, AttemptEnd>>;

/** The domain's functions for these end with the job settled; after the others the transaction settles it. */
const SETTLES_ITSELF: ReadonlySet<ActionKind> = new Set([
  'cancelJob',
  'requeueJob',
  'cancelTask',
  'requeueTask',
  'giveUpTask',
  'acceptTask',
]);

const TASK_REQUESTS: Partial<Record<TaskRequest, ActionKind>> = {
  cancel: 'cancelTask',
  stop: 'cancelTask',
  requeue: 'requeueTask',
  'give-up': 'giveUpTask',
  accept: 'acceptTask',
};

/** Everything that users may ask for and that can happen on the farm. A requeueTask among them may still be refused. */
export function enabledActions({ job, tasks }: State): Action[] {
  const actions: Action[] = [];
  if ('request' in judgeJobRequest(job.status, 'cancel-requested')) actions.push({ kind: 'cancelJob', task: null });
  if ('request' in judgeJobRequest(job.status, 'requeueing')) actions.push({ kind: 'requeueJob', task: null });
  tasks.forEach((task, index) => {
    const isBeingCanceled = task.stop?.order === 'CANCELED';
    for (const to of ['canceled', 'queued', 'failed', 'completed'] as const) {
      const verdict = judgeTaskRequest(job.status, { status: task.status, isBeingCanceled }, to);
      const kind = 'request' in verdict && TASK_REQUESTS[verdict.request];
      if (kind) actions.push({ kind, task: index });
    }
    for (const kind of eventsOf(task, mayRunTasks(job.status))) actions.push({ kind, task: index });
  });
  if (tasks.filter(({ status }) => status === 'active').length > 1)
    actions.push({ kind: 'lose', task: null }, { kind: 'deleteWorker', task: null });
  if (tasks.some(({ backsOff }) => backsOff)) actions.push({ kind: 'wait', task: null });
  return actions;
}

const ACTIVE_EVENTS = ['complete', 'fail', 'timeOut', 'lose', 'handBack', 'deleteWorker'] as const;
const UNORDERED_EVENTS = [...ACTIVE_EVENTS, 'sleepWorker'] as const;
const ORDERED_EVENTS = [...ACTIVE_EVENTS, 'stop', 'leaveUnconfirmed'] as const;
const RETURNS = ['resume', 'deliverLate', 'deleteWorker'] as const;

function eventsOf(task: ModelTask, mayRun: boolean): readonly ActionKind[] {
  if (task.status === 'active') return task.stop ? ORDERED_EVENTS : UNORDERED_EVENTS;
  const mayClaim = mayRun && isOpenTask(task.status) && task.openDependencies === 0 && !task.backsOff;
  if (!task.mayComeBack) return mayClaim ? ['claim'] : [];
  return mayClaim ? ['claim', ...RETURNS] : RETURNS;
}

/** Whether workers and the passing of time bring the action about, without any user. */
export function isWorkerEvent({ kind }: Action): boolean {
  return ACTIONS[kind].by === 'worker';
}

/**
 * Does to the state what the gateway does in one transaction.
 *
 * @param Ledger a stand-in for the domain's ledger, to see that the checks notice a broken one.
 */
export function apply(state: State, action: Action, Ledger: typeof JobLedger = JobLedger): Step {
  const ledger = openLedger(state, { Ledger });
  try {
    perform(ledger, state.plan, action);
    if (!SETTLES_ITSELF.has(action.kind)) ledger.settle(NOW);
  } catch (error) {
    if (error instanceof DependencyUnfinishedError) return { state, records: ledger.records, ledger, refusal: error };
    throw error;
  }
  return { state: readState(state.plan, ledger), records: ledger.records, ledger, refusal: null };
}

/** The action's own part, before the job is settled. */
export function perform(ledger: JobLedger, plan: Plan, { kind, task: index }: Action): void {
  if (kind === 'cancelJob') return cancelJob(ledger, USER, NOW);
  if (kind === 'requeueJob') return requeueJob(ledger, USER, NOW);
  if (kind === 'wait') {
    // What backs off is told by the times of its failures alone.
    for (const failure of ledger.failures.values()) failure.failedAt = new Date(0);
    for (const task of ledger.tasks.values()) task.lastFailedAt &&= new Date(0);
    return;
  }
  if (index === null) {
    if (kind !== 'lose' && kind !== 'deleteWorker') throw new Error(`${kind} needs a task.`);
    for (const attempt of [...ledger.attempts.values()])
      if (attempt.endedAt === null) endAttempt(ledger, attempt, ENDS[kind], NOW);
    if (kind === 'deleteWorker') forgetWorker(ledger);
    return;
  }
  performOnTask(ledger, plan, kind, index);
}

function performOnTask(ledger: JobLedger, plan: Plan, kind: ActionKind, index: number): void {
  const task = ledger.task(taskId(index));
  const attempt = ledger.attempts.get(task.id);
  const held = () => {
    if (!attempt) throw new Error(`${kind}: task ${index + 1} has no attempt.`);
    return attempt;
  };
  switch (kind) {
    case 'claim':
      claimTask(ledger, task, WORKER, ATTEMPT_IDS, NOW);
      break;
    case 'cancelTask':
      changeTask(ledger, task, task.status === 'active' ? 'stop' : 'cancel', USER, NOW);
      break;
    case 'giveUpTask':
      changeTask(ledger, task, 'give-up', USER, NOW);
      break;
    case 'acceptTask':
      changeTask(ledger, task, 'accept', USER, NOW);
      break;
    case 'requeueTask':
      requeueTask(ledger, task, (plan.dependencies[index] ?? []).map((id) => ledger.task(taskId(id))), USER, NOW);
      break;
    case 'sleepWorker':
      ledger.orderStop(task, 'RECALLED', { actor: USER.actor, reason: 'USER' }, NOW);
      break;
    case 'resume':
      resumeAttempt(ledger, held(), WORKER, NOW);
      break;
    case 'deliverLate':
      acceptLateResult(ledger, held(), WORKER, NOW);
      break;
    case 'deleteWorker':
      if (held().endedAt === null) endAttempt(ledger, held(), ENDS.deleteWorker, NOW);
      // A deleted worker brings nothing back.
      ledger.attempts.delete(task.id);
      break;
    default:
      if (!(kind in ENDS)) throw new Error(`${kind} is no action on a task.`);
      endAttempt(ledger, held(), ENDS[kind as keyof typeof ENDS], NOW);
  }
}

/** Another worker takes its place: one that has failed nothing, and that has nothing to bring back. */
function forgetWorker(ledger: JobLedger): void {
  ledger.attempts.clear();
  ledger.failures.clear();
}

import {
  type AttemptEnd,
  acceptLateResult,
  claimTask,
  endAttempt,
  resumeAttempt,
} from '../../src/domain/attempt-actions.ts';
import { DependencyUnfinishedError } from '../../src/domain/errors.ts';
import { cancelJob, changeTask, requeueJob, requeueTasks } from '../../src/domain/job-actions.ts';
import { JobLedger, type StatusRecord } from '../../src/domain/job-ledger.ts';
import type { Action, ActionKind } from './actions.ts';
import { taskId } from './plan.ts';
import { NOW, openLedger, readState, type State, WORKER } from './state.ts';

export { type Action, enabledActions } from './actions.ts';
export type { State } from './state.ts';

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
  deleteWorker:     { outcome: 'STOPPED',     actor: 'gateway' },
} as const satisfies Partial<Record<ActionKind, AttemptEnd>>;

const JOB_ACTIONS = { cancelJob, requeueJob } as const satisfies Partial<Record<ActionKind, unknown>>;

type TaskChange = Parameters<typeof changeTask>[2];
// biome-ignore format: one action per line
const TASK_CHANGES = {
  cancelTask: (isActive) => (isActive ? 'stop' : 'cancel'),
  giveUpTask: () => 'give-up',
  acceptTask: () => 'accept',
} as const satisfies Partial<Record<ActionKind, (isActive: boolean) => TaskChange>>;

/** What users ask of a job ends with the job settled; after everything else the transaction settles it. */
function settlesItself(kind: ActionKind): boolean {
  return kind in JOB_ACTIONS || kind in TASK_CHANGES || kind === 'requeueTask';
}

/**
 * Does to the state what the gateway does in one transaction.
 *
 * @param Ledger a stand-in for the domain's ledger, to see that the checks notice a broken one.
 */
export function apply(state: State, action: Action, Ledger: typeof JobLedger = JobLedger): Step {
  const ledger = openLedger(state, { Ledger });
  try {
    perform(ledger, action);
    if (action.together) perform(ledger, action.together);
    if (!settlesItself(action.kind)) ledger.settle(NOW);
  } catch (error) {
    if (error instanceof DependencyUnfinishedError) return { state, records: ledger.records, ledger, refusal: error };
    throw error;
  }
  return { state: readState(state.plan, ledger), records: ledger.records, ledger, refusal: null };
}

/** The action's own part, before the transaction settles the job. */
export function perform(ledger: JobLedger, { kind, task: index }: Action): void {
  if (kind in JOB_ACTIONS) JOB_ACTIONS[kind as keyof typeof JOB_ACTIONS](ledger, USER, NOW);
  else if (kind === 'wait') letTimePass(ledger);
  else if (index !== null) performOnTask(ledger, kind, index);
  else if (kind === 'lose' || kind === 'deleteWorker') endAll(ledger, kind);
  else throw new Error(`${kind} needs a task.`);
}

function performOnTask(ledger: JobLedger, kind: ActionKind, index: number): void {
  const task = ledger.task(taskId(index));
  const attempt = ledger.attempts.get(task.id);
  if (kind === 'claim') claimTask(ledger, task, WORKER, ATTEMPT_IDS, NOW);
  else if (kind === 'requeueTask') requeueTasks(ledger, [task], USER, NOW);
  else if (kind in TASK_CHANGES) {
    const request: TaskChange = TASK_CHANGES[kind as keyof typeof TASK_CHANGES](task.status === 'active');
    changeTask(ledger, task, request, USER, NOW);
  } else if (!attempt) throw new Error(`${kind}: ${task.name} has no attempt.`);
  else if (kind === 'resume') resumeAttempt(ledger, attempt, WORKER, NOW);
  else if (kind === 'deliverLate') acceptLateResult(ledger, attempt, WORKER, NOW);
  else if (kind === 'sleepWorker') ledger.orderStop(task, 'RECALLED', { actor: 'gateway', reason: 'HANDED_BACK' }, NOW);
  else if (!(kind in ENDS)) throw new Error(`${kind} is no action on a task.`);
  else {
    if (attempt.endedAt === null) endAttempt(ledger, attempt, ENDS[kind as keyof typeof ENDS], NOW);
    // A deleted worker brings nothing back.
    if (kind === 'deleteWorker') ledger.attempts.delete(task.id);
  }
}

function endAll(ledger: JobLedger, kind: 'lose' | 'deleteWorker'): void {
  for (const attempt of ledger.attempts.values())
    if (attempt.endedAt === null) endAttempt(ledger, attempt, ENDS[kind], NOW);
  if (kind === 'lose') return;
  // Another worker takes its place: one that has failed nothing, and that has nothing to bring back.
  ledger.attempts.clear();
  ledger.failures.clear();
}

/** Only by the times of its failures is a task left alone: making them old is letting time pass. */
function letTimePass(ledger: JobLedger): void {
  for (const failure of ledger.failures.values()) failure.failedAt = new Date(0);
  for (const task of ledger.tasks.values()) if (task.lastFailedAt) task.lastFailedAt = new Date(0);
}

import { mayComeBack } from '../../src/domain/attempt-actions.ts';
import type { StopOrder } from '../../src/domain/attempt-outcome.ts';
import { claimableFrom, DEFAULT_RETRY_DELAY_MS, MAX_BACK_OFF_MS } from '../../src/domain/failure-policy.ts';
import {
  JobLedger,
  type LedgerAttempt,
  type LedgerJob,
  type LedgerTask,
  ledgerKey,
} from '../../src/domain/job-ledger.ts';
import { isFinishedJob, type JobStatus } from '../../src/domain/job-status.ts';
import type { StatusReason } from '../../src/domain/status-reason.ts';
import { isOpenTask, type TaskStatus } from '../../src/domain/task-status.ts';
import { countTasks } from './count-tasks.ts';
import { type Plan, taskId } from './plan.ts';

/** A job between two transactions, as far as anything that follows depends on it. */
export interface State {
  readonly plan: Plan;
  readonly job: { readonly status: JobStatus; readonly reason: StatusReason; readonly sequence: number };
  readonly tasks: readonly ModelTask[];
}

export interface ModelTask {
  readonly status: TaskStatus;
  readonly reason: StatusReason;
  readonly openDependencies: number;
  readonly failedAttempts: number;
  readonly attemptCount: number;
  /** What the worker of the live attempt has been told, and the reason that the task gets from it. */
  readonly stop: { readonly order: StopOrder; readonly reason: StatusReason } | null;
  /** Whether the newest attempt was lost and its worker may still resume it or deliver its result. */
  readonly mayComeBack: boolean;
  /** Whether a farm of one worker still leaves the task alone, because it failed. */
  readonly backsOff: boolean;
}

/** All of the model happens at one instant; what is over by then began long before it. */
export const NOW = new Date('2026-01-01T12:00:00Z');
const LONG_AGO = new Date(NOW.getTime() - MAX_BACK_OFF_MS);
export const WORKER = { id: 'worker', name: 'worker', sessionNumber: 1 };
const FARM_WORKER = { id: WORKER.id, taskTypes: ['render'], tags: [], offers: [] };

/** The job right after its submission. */
export function initialState(plan: Plan): State {
  const tasks = plan.dependencies.map(({ length }): ModelTask => ({ ...FRESH_TASK, openDependencies: length }));
  return { plan, job: { status: 'queued', reason: 'SUBMITTED', sequence: 2 }, tasks };
}

export const FRESH_TASK: ModelTask = {
  status: 'queued',
  reason: 'SUBMITTED',
  openDependencies: 0,
  failedAttempts: 0,
  attemptCount: 0,
  stop: null,
  mayComeBack: false,
  backsOff: false,
};

/**
 * The state as the domain works on it.
 *
 * @param held indexes of the tasks that the ledger holds; all without it.
 */
export function openLedger(
  state: State,
  { Ledger = JobLedger, held }: { Ledger?: typeof JobLedger; held?: ReadonlySet<number> } = {},
): JobLedger {
  const { plan, tasks } = state;
  const rows = tasks.map(makeTask);
  const ledger = new Ledger(makeJob(state, rows), held === undefined);
  rows.forEach((task, index) => {
    if (!held || held.has(index)) loadTask(ledger, plan, task, tasks[index]!);
  });
  return ledger;
}

/** Gives a ledger the tasks that it does not hold yet. */
export function loadAllTasks(ledger: JobLedger, state: State): void {
  state.tasks.forEach((task, index) => {
    if (!ledger.tasks.has(taskId(index))) loadTask(ledger, state.plan, makeTask(task, index), task);
  });
  ledger.declareAllTasksHeld();
}

function loadTask(ledger: JobLedger, plan: Plan, task: LedgerTask, { stop, mayComeBack }: ModelTask): void {
  const dependents = plan.dependents[task.index]!;
  ledger.addTask(task);
  if (dependents.length > 0) ledger.dependents.set(task.id, dependents);
  if (task.status === 'active' || mayComeBack) ledger.addAttempt(makeAttempt(task, stop));
  if (task.failedAttempts > 0)
    ledger.failures.set(ledgerKey(WORKER.id, task.id), {
      taskId: task.id,
      workerId: WORKER.id,
      taskType: task.type,
      failures: task.failedAttempts,
      losses: mayComeBack ? 1 : 0,
      failedAt: task.lastFailedAt,
      handedBackAt: null,
    });
}

/** What the ledger says after a transaction. */
export function readState(plan: Plan, ledger: JobLedger): State {
  const { status, statusReason: reason, sequence } = ledger.job;
  const tasks = plan.dependencies.map((_, index): ModelTask => {
    const task = ledger.task(taskId(index));
    const attempt = ledger.attempts.get(task.id);
    const isLive = task.status === 'active' && attempt?.endedAt === null;
    return {
      status: task.status,
      reason: task.statusReason,
      openDependencies: task.openDependencies,
      failedAttempts: task.failedAttempts,
      attemptCount: task.attemptCount,
      stop: isLive && attempt.stopOrder ? { order: attempt.stopOrder, reason: attempt.stopReason! } : null,
      mayComeBack: attempt !== undefined && mayComeBack(attempt, task),
      backsOff: isOpenTask(task.status) && claimableAfterMs(ledger, task) > 0,
    };
  });
  return { plan, job: { status, reason, sequence }, tasks };
}

/** How long a farm of one worker leaves the task alone. Never longer than the longest back-off, or the model stops. */
function claimableAfterMs(ledger: JobLedger, task: LedgerTask): number {
  if (task.failedAttempts === 0) return 0;
  const isForgiven = ledger.isForgiven || ledger.forgivenTasks.has(task.id);
  const history = {
    taskId: task.id,
    taskType: task.type,
    workerTag: null,
    needs: [],
    failedAttempts: task.failedAttempts,
    lastFailedAt: task.lastFailedAt,
    failureOf: (workerId: string) => (isForgiven ? undefined : ledger.failures.get(ledgerKey(workerId, task.id))),
    blockedUntil: () => undefined,
  };
  const from = claimableFrom(FARM_WORKER, history, [FARM_WORKER], NOW, DEFAULT_RETRY_DELAY_MS);
  if (from > NOW.getTime() + MAX_BACK_OFF_MS) throw new Error(`${task.id} waits longer than the longest back-off.`);
  return from - NOW.getTime();
}

function makeJob({ plan, job }: State, tasks: readonly LedgerTask[]): LedgerJob {
  return {
    id: 'job',
    name: plan.name,
    type: 'model',
    submitter: 'user',
    priority: 50,
    maxWorkers: null,
    workerTag: null,
    needs: {},
    maxAttempts: plan.maxAttempts,
    failureLimitPercent: plan.failureLimitPercent,
    createdAt: LONG_AGO,
    status: job.status,
    statusReason: job.reason,
    error: null,
    sequence: job.sequence,
    ...countTasks(tasks),
    recentFrameSeconds: [],
    latestOutputId: null,
    startedAt: null,
    finishedAt: isFinishedJob(job.status) ? LONG_AGO : null,
  };
}

function makeTask(task: ModelTask, index: number): LedgerTask {
  const isCompleted = task.status === 'completed';
  return {
    id: taskId(index),
    index,
    name: taskId(index),
    type: 'render',
    frameCount: 1,
    status: task.status,
    statusReason: task.reason,
    framesDone: isCompleted ? 1 : 0,
    openDependencies: task.openDependencies,
    failedAttempts: task.failedAttempts,
    lastFailedAt: task.failedAttempts === 0 ? null : task.backsOff ? NOW : LONG_AGO,
    attemptCount: task.attemptCount,
    progress: isCompleted ? 1 : 0,
    activity: null,
    stopRequestedAt: task.stop ? LONG_AGO : null,
    rendersAnew: isCompleted,
    workerId: task.attemptCount > 0 ? WORKER.id : null,
  };
}

/** The task's newest attempt: live while the task is active, else the lost one that may come back. */
function makeAttempt(task: LedgerTask, stop: ModelTask['stop']): LedgerAttempt {
  const isLive = task.status === 'active';
  return {
    id: `attempt of ${task.id}`,
    token: `token of ${task.id}`,
    taskId: task.id,
    number: task.attemptCount,
    workerId: WORKER.id,
    sessionNumber: WORKER.sessionNumber,
    startedAt: LONG_AGO,
    lastOutputAt: LONG_AGO,
    endedAt: isLive ? null : LONG_AGO,
    outcome: isLive ? null : 'LOST',
    failureKind: null,
    failureMessage: null,
    failureExitCode: null,
    reportSequence: 0,
    stopOrder: stop?.order ?? null,
    stopReason: stop?.reason ?? null,
    stopRequestedBy: stop ? 'user' : null,
    stopComment: null,
    stopSentAt: null,
  };
}

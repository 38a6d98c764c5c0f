import { DependencyUnfinishedError } from './errors.ts';
import type { Cause, JobLedger, LedgerTask } from './job-ledger.ts';
import { REQUEST_HOPS } from './job-requests.ts';
import { isFinishedJob } from './job-status.ts';
import type { StatusReason } from './status-reason.ts';
import type { TaskRequest } from './task-requests.ts';

/** Who asks, and in which words. */
export interface Asker {
  readonly actor: string;
  readonly comment?: string | null;
}

function causeOf(asker: Asker, reason: StatusReason): Cause {
  return { actor: asker.actor, reason, message: asker.comment ?? null };
}

/** Cancels a job: what waits ends at once, what runs is told to stop. Needs all tasks that are open or active. */
export function cancelJob(ledger: JobLedger, asker: Asker, at: Date): void {
  ledger.moveJob(REQUEST_HOPS.cancel, causeOf(asker, 'USER'), at);
  const cause = causeOf(asker, 'JOB_CANCELED');
  ledger.closeOpenTasks(cause);
  for (const task of ledger.tasksWith('active')) ledger.orderStop(task, 'CANCELED', cause, at);
  ledger.settle(at);
}

/** Puts a finished job back: all tasks when every one completed, else those that did not. Needs all tasks. */
export function requeueJob(ledger: JobLedger, asker: Asker, at: Date): void {
  const cause = causeOf(asker, 'USER');
  const { job } = ledger;
  const isWhole = job.tasksCompleted === job.tasksTotal;
  ledger.moveJob(REQUEST_HOPS.requeue, cause, at);
  for (const status of isWhole ? (['completed'] as const) : (['failed', 'canceled'] as const))
    for (const task of ledger.tasksWith(status)) putBack(ledger, task, cause);
  ledger.isForgiven = true;
  ledger.moveJob('queued', cause, at);
}

/**
 * Puts a task back, and what depends on it as far as it has to be done again: an active dependent is recalled; the walk
 * stops at a task that a user canceled. Needs all tasks and all dependents.
 */
export function requeueTask(
  ledger: JobLedger,
  task: LedgerTask,
  dependencies: readonly LedgerTask[],
  asker: Asker,
  at: Date,
): void {
  const unfinished = dependencies.filter(({ status }) => status === 'failed' || status === 'canceled');
  if (unfinished.length > 0) {
    const names = unfinished
      .slice(0, 5)
      .map(({ name, status }) => `${JSON.stringify(name)} (${status})`)
      .join(', ');
    const more = unfinished.length > 5 ? ` and ${unfinished.length - 5} more` : '';
    throw new DependencyUnfinishedError(
      `Task ${JSON.stringify(task.name)} depends on ${names}${more}: requeue that first.`,
      task.id,
      unfinished.map(({ id }) => id),
    );
  }
  const cause = causeOf(asker, 'USER');
  const wasFinished = isFinishedJob(ledger.job.status);
  if (wasFinished) ledger.moveJob(REQUEST_HOPS.requeue, cause, at);
  putBack(ledger, task, cause);
  const again = causeOf(asker, 'DEPENDENCY_REQUEUED');
  for (const dependent of walkDependents(ledger, task)) {
    if (dependent.status === 'active') ledger.orderStop(dependent, 'RECALLED', again, at);
    else if (mustBeDoneAgain(dependent)) putBack(ledger, dependent, again);
  }
  if (wasFinished) ledger.moveJob('queued', cause, at);
  // What is put back may wait for something that waits in vain, and may have been the last that its dependents needed.
  ledger.settle(at);
}

/** Does what a user asked of a single task, apart from requeueing it. Needs all tasks: it may end the job. */
export function changeTask(
  ledger: JobLedger,
  task: LedgerTask,
  request: Exclude<TaskRequest, 'requeue'>,
  asker: Asker,
  at: Date,
): void {
  const cause = causeOf(asker, 'USER');
  if (request === 'stop') ledger.orderStop(task, 'CANCELED', cause, at);
  else
    ledger.moveTask(task, ({ cancel: 'canceled', 'give-up': 'failed', accept: 'completed' } as const)[request], cause);
  if (request === 'give-up') ledger.job.error ??= `Task ${JSON.stringify(task.name)} was given up.`;
  ledger.settle(at);
}

/** Whether requeueing a dependency makes the task wait again. */
function mustBeDoneAgain(task: LedgerTask): boolean {
  return (
    task.status === 'completed' ||
    task.status === 'failed' ||
    (task.status === 'canceled' &&
      (task.statusReason === 'JOB_FAILED' || task.statusReason === 'DEPENDENCY_UNFINISHED'))
  );
}

/** The transitive dependents in the order of their index, without going past what a user canceled. */
function walkDependents(ledger: JobLedger, start: LedgerTask): LedgerTask[] {
  const found = new Map<string, LedgerTask>();
  const pending = [start];
  for (let task = pending.pop(); task; task = pending.pop()) {
    for (const id of ledger.dependents.get(task.id) ?? []) {
      const dependent = ledger.task(id);
      if (found.has(id) || (dependent.status === 'canceled' && !mustBeDoneAgain(dependent))) continue;
      found.set(id, dependent);
      pending.push(dependent);
    }
  }
  return [...found.values()].sort((a, b) => a.status.localeCompare(b.status) || a.index - b.index);
}

function putBack(ledger: JobLedger, task: LedgerTask, cause: Cause): void {
  ledger.moveTask(task, 'queued', cause);
  task.failedAttempts = 0;
  task.lastFailedAt = null;
  ledger.forgivenTasks.add(task.id);
}

import { DependencyUnfinishedError } from './errors.ts';
import type { Cause, JobLedger, LedgerTask } from './job-ledger.ts';
import { REQUEST_HOPS } from './job-requests.ts';
import { isFinishedJob } from './job-status.ts';
import type { StatusReason } from './status-reason.ts';
import { judgeTaskRequest, type OfferedTask, refuseTaskRequest, type TaskRequest } from './task-requests.ts';

/** Who asks, and in which words. */
export interface Asker {
  readonly actor: string;
  readonly comment?: string | null;
}

function causeOf(asker: Asker, reason: StatusReason): Cause {
  return { actor: asker.actor, reason, message: asker.comment ?? null };
}

/** A task as far as a user's request depends on it. */
export function asRequested(ledger: JobLedger, task: LedgerTask): OfferedTask & { id: string; name: string } {
  const { id, name, status } = task;
  const isBeingCanceled = ledger.liveAttempt(id)?.stopOrder === 'CANCELED';
  return { id, name, status, isBeingCanceled, waitsInVain: unfinishedDependencies(ledger, task).length > 0 };
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
 * Puts tasks back that are neither queued nor active, and what depends on them as far as it has to be done again: an
 * active dependent is recalled; the walk stops at a task that a user canceled. Needs all tasks and all dependents.
 *
 * @throws DependencyUnfinishedError while one of them waits for a failed or canceled task that is not among them
 */
export function requeueTasks(ledger: JobLedger, tasks: readonly LedgerTask[], asker: Asker, at: Date): void {
  refuseUnfinishedDependencies(ledger, tasks);
  const cause = causeOf(asker, 'USER');
  const wasFinished = isFinishedJob(ledger.job.status);
  if (wasFinished) ledger.moveJob(REQUEST_HOPS.requeue, cause, at);
  for (const task of inRecordOrder(tasks)) putBack(ledger, task, cause);
  const again = causeOf(asker, 'DEPENDENCY_REQUEUED');
  for (const dependent of walkDependents(ledger, tasks)) {
    if (dependent.status === 'active') ledger.orderStop(dependent, 'RECALLED', again, at);
    else if (mustBeDoneAgain(dependent)) putBack(ledger, dependent, again);
  }
  if (wasFinished) ledger.moveJob('queued', cause, at);
  // What is put back may wait for something that waits in vain, and may have been the last that its dependents needed.
  ledger.settle(at);
}

/**
 * Puts the tasks back that hold frames which somebody named: those frames are rendered again even where files are left
 * out that are there already. Queued tasks are left as they are.
 *
 * @returns the tasks that were put back
 * @throws TaskTransitionError when one may not be put back, DependencyUnfinishedError: then none was
 */
export function requeueForFrames(
  ledger: JobLedger,
  tasks: readonly LedgerTask[],
  asker: Asker,
  at: Date,
): readonly LedgerTask[] {
  const wanted = tasks.filter(({ status }) => status !== 'queued');
  for (const task of wanted) {
    const asked = asRequested(ledger, task);
    const verdict = judgeTaskRequest(ledger.job.status, asked, 'queued');
    if ('refusal' in verdict) throw refuseTaskRequest(ledger.job, asked, 'queued', verdict.refusal, []);
  }
  if (wanted.length === 0) return wanted;
  requeueTasks(ledger, wanted, asker, at);
  for (const task of wanted) task.rendersAnew = true;
  return wanted;
}

function refuseUnfinishedDependencies(ledger: JobLedger, tasks: readonly LedgerTask[]): void {
  const wanted = new Set(tasks.map(({ id }) => id));
  const unfinishedOf = (task: LedgerTask) => unfinishedDependencies(ledger, task).filter(({ id }) => !wanted.has(id));
  const refused = tasks.find((task) => unfinishedOf(task).length > 0);
  if (!refused) return;
  const unfinished = unfinishedOf(refused);
  const names = unfinished
    .slice(0, 5)
    .map(({ name, status }) => `${JSON.stringify(name)} (${status})`)
    .join(', ');
  const more = unfinished.length > 5 ? ` and ${unfinished.length - 5} more` : '';
  throw new DependencyUnfinishedError(
    `Task ${JSON.stringify(refused.name)} depends on ${names}${more}: requeue that first.`,
    refused.id,
    unfinished.map(({ id }) => id),
  );
}

/** What a task waits for in vain. Needs all tasks and all dependents. */
function unfinishedDependencies(ledger: JobLedger, task: LedgerTask): LedgerTask[] {
  if (task.openDependencies === 0) return [];
  return [...ledger.dependents]
    .filter(([, dependents]) => dependents.includes(task.id))
    .map(([id]) => ledger.task(id))
    .filter(({ status }) => status === 'failed' || status === 'canceled');
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

/** The transitive dependents, without going past what a user canceled. */
function walkDependents(ledger: JobLedger, starts: readonly LedgerTask[]): LedgerTask[] {
  const found = new Map<string, LedgerTask>();
  const pending = [...starts];
  for (let task = pending.pop(); task; task = pending.pop()) {
    for (const id of ledger.dependents.get(task.id) ?? []) {
      const dependent = ledger.task(id);
      if (found.has(id) || (dependent.status === 'canceled' && !mustBeDoneAgain(dependent))) continue;
      found.set(id, dependent);
      pending.push(dependent);
    }
  }
  return inRecordOrder([...found.values()]);
}

/** Those that make the same change side by side, so that one record tells it, and those by their index. */
function inRecordOrder(tasks: readonly LedgerTask[]): LedgerTask[] {
  return tasks.toSorted((a, b) => a.status.localeCompare(b.status) || a.index - b.index);
}

function putBack(ledger: JobLedger, task: LedgerTask, cause: Cause): void {
  ledger.moveTask(task, 'queued', cause);
  task.failedAttempts = 0;
  task.lastFailedAt = null;
  ledger.forgivenTasks.add(task.id);
}

import type { Action } from './actions.ts';
import { findWrongRecord } from './check-records.ts';
import { findBrokenInvariant } from './check-state.ts';
import { findWrongCount } from './count-tasks.ts';
import type { Step } from './model.ts';
import type { ModelTask, State } from './state.ts';

/** What is wrong with a step, or with the state that it leads to; null when nothing is. */
export function findBrokenRule(before: State, action: Action, step: Step): string | null {
  if (step.refusal) return findTraceOfRefusal(before, action, step);
  return (
    findWrongRecord(before, action, step) ??
    findWrongCount(step.ledger.job, step.ledger.tasks.values()) ??
    findWrongAttempt(step) ??
    findWrongAnswer(before, action, step.state) ??
    findWrongLimit(before, step.state) ??
    findWrongEnding(before, action, step.state) ??
    findBrokenInvariant(step.state)
  );
}

/** Only a requeueTask is refused here, for a dependency that failed or was canceled; and then nothing is written. */
function findTraceOfRefusal(before: State, { kind, task }: Action, { state, ledger, records }: Step): string | null {
  const isUnfinished = (index: number) => /^(failed|canceled)$/.test(before.tasks[index]!.status);
  if (kind !== 'requeueTask' || !before.plan.dependencies[task!]!.some(isUnfinished)) return `${kind} was refused`;
  const { hasJobChanged, dirtyTasks, dirtyAttempts } = ledger;
  const isUntouched = !hasJobChanged && records.length + dirtyTasks.size + dirtyAttempts.size === 0;
  return isUntouched && state === before ? null : 'a refused request left a trace';
}

/** An active task has exactly one live attempt, no other task has one, and the row says whether it was told to stop. */
function findWrongAttempt({ ledger }: Step): string | null {
  for (const task of ledger.tasks.values()) {
    const attempt = ledger.liveAttempt(task.id);
    if ((task.status === 'active') !== (attempt !== null))
      return `${task.name} is ${task.status} ${attempt ? 'with' : 'without'} a live attempt`;
    const isTold = attempt !== null && attempt.stopOrder !== null;
    if ((task.stopRequestedAt !== null) !== isTold)
      return `${task.name} says ${isTold ? 'not that' : 'that'} it was told to stop`;
  }
  return null;
}

/** What the documentation promises of single actions, beyond the tables. */
function findWrongAnswer(before: State, { kind, task: index, together }: Action, after: State): string | null {
  const from = before.job.status;
  const to = after.job.status;
  if (kind === 'cancelJob') return findWrongCancel(before, after);
  if (kind === 'requeueJob') return findWrongRequeue(before, after);
  if (isFinished(before)) {
    const expected = kind === 'requeueTask' ? 'queued' : from;
    if (to !== expected) return `${kind} made a job ${to} that was ${from}`;
  }
  const was = index === null ? undefined : before.tasks[index];
  const is = index === null ? undefined : after.tasks[index];
  if (!was || !is || together) return null;
  if (kind === 'requeueTask' && !isFinished(after)) return findWrongTaskRequeue(is, index!, after);
  if (kind === 'cancelTask') {
    const isDone = was.status === 'active' ? is.stop?.order === 'CANCELED' : is.status === 'canceled';
    if (!isDone) return `cancelTask left it ${is.status}`;
  }
  if (was.stop && is.mayComeBack) return 'an attempt that was told to stop may come back';
  if ((kind === 'complete' && was.stop?.order !== 'CANCELED') || kind === 'deliverLate') {
    const expected = is.openDependencies > 0 ? 'queued' : 'completed';
    // The last of the job's tasks to run closes what still waits.
    if (is.status !== expected && !isFinished(after)) return `${kind} left it ${is.status}`;
  }
  if (kind === 'resume' && is.status !== 'active') return `a resumed task is ${is.status}`;
  const counted = countedBy(kind, was);
  if (counted !== 0 && is.failedAttempts !== was.failedAttempts + counted)
    return `${kind} changed the count of failures from ${was.failedAttempts} to ${is.failedAttempts}`;
  return null;
}

/** What an action adds to the count of a task's failures. */
function countedBy(kind: Action['kind'], was: ModelTask): number {
  if (kind === 'resume' || kind === 'deliverLate') return -1;
  return (kind === 'fail' || kind === 'timeOut' || kind === 'lose') && was.stop === null ? 1 : 0;
}

function isFinished({ job }: State): boolean {
  return job.status === 'completed' || job.status === 'failed' || job.status === 'canceled';
}

function findWrongCancel(before: State, { job, tasks }: State): string | null {
  const isRunning = before.tasks.some(({ status }) => status === 'active');
  const expected = isRunning ? 'cancel-requested' : 'canceled';
  if (job.status !== expected) return `cancelJob made the job ${job.status}`;
  const wrong = before.tasks.findIndex(({ status }, index) => {
    const isOpen = status === 'queued' || status === 'soft-failed';
    return tasks[index]!.status !== (isOpen ? 'canceled' : status);
  });
  return wrong >= 0 ? `cancelJob made task ${wrong + 1} ${tasks[wrong]?.status}` : null;
}

function findWrongRequeue(before: State, { job, tasks }: State): string | null {
  if (job.status !== 'queued') return `requeueJob made the job ${job.status}`;
  const isWhole = before.tasks.every(({ status }) => status === 'completed');
  const wrong = tasks.findIndex(({ status, failedAttempts, backsOff }, index) => {
    const stays = !isWhole && before.tasks[index]?.status === 'completed';
    return stays ? status !== 'completed' : status !== 'queued' || failedAttempts > 0 || backsOff;
  });
  return wrong >= 0 ? `requeueJob left task ${wrong + 1} ${tasks[wrong]?.status}` : null;
}

/** It starts from nothing, and no dependent stays done that was made from its older result, unless a user canceled it. */
function findWrongTaskRequeue({ status, failedAttempts, backsOff }: ModelTask, index: number, { plan, tasks }: State) {
  if (status !== 'queued' || failedAttempts > 0 || backsOff) return `requeueTask left it ${status}`;
  const wrong = tasks.findIndex((dependent, other) => {
    if (!plan.dependencies[other]!.includes(index)) return false;
    if (dependent.status === 'active') return dependent.stop === null;
    const isByUser = dependent.reason === 'USER' || dependent.reason === 'JOB_CANCELED';
    return dependent.status === 'canceled' ? !isByUser : !/^(queued|soft-failed)$/.test(dependent.status);
  });
  return wrong >= 0 ? `requeueTask left its dependent ${wrong + 1} ${tasks[wrong]?.status}` : null;
}

/**
 * Once a task has failed for good and the limit is reached, nothing waits any more and all that runs is told to stop:
 * unless nothing could run in any case. For no other reason is what waits called off.
 */
function findWrongLimit(before: State, { plan, tasks }: State): string | null {
  let failed = 0;
  let hasNewOne = false;
  let isCalledOff = false;
  let couldRun = false;
  let goesOn = false;
  for (let index = 0; index < tasks.length; index++) {
    const { status, reason, openDependencies, stop } = tasks[index]!;
    const was = before.tasks[index]!;
    // One that was active may have waited again within the transaction, unless it had the order to end canceled.
    const isClosed = status === 'canceled' && was.status !== 'canceled' && was.stop?.order !== 'CANCELED';
    if (isClosed && reason === 'DEPENDENCY_UNFINISHED' && openDependencies === 0)
      return `task ${index + 1} was closed as unfinished, and its dependencies are completed`;
    if (status === 'failed') failed += 1;
    if (status === 'failed' && was.status !== 'failed') hasNewOne = true;
    if (isClosed && reason === 'JOB_FAILED') {
      isCalledOff = true;
      if (openDependencies === 0) couldRun = true;
    }
    if (status === 'active') couldRun = true;
    if (status === 'active' ? stop?.order !== 'CANCELED' : status === 'queued' || status === 'soft-failed')
      goesOn = true;
  }
  const isReached = hasNewOne && failed * 100 >= plan.failureLimitPercent * tasks.length;
  if (isReached && goesOn) return 'the failure limit is reached, and a task goes on';
  if (isCalledOff && !isReached) return 'a task was called off, and the failure limit is not reached';
  return isCalledOff && !couldRun ? 'tasks were called off of which none could run' : null;
}

/** How a job ends follows from its tasks: the rows of the fold. */
function findWrongEnding(before: State, { kind }: Action, after: State): string | null {
  if (!isFinished(after) || isFinished(before)) return null;
  const { job, tasks } = after;
  const isFailure = ({ status, reason }: ModelTask) =>
    status === 'failed' || (status === 'canceled' && reason === 'JOB_FAILED');
  let expected = 'canceled';
  if (before.job.status === 'active' && kind !== 'cancelJob') {
    if (tasks.every(({ status }) => status === 'completed')) expected = 'completed';
    else if (tasks.some(isFailure)) expected = 'failed';
  }
  return job.status === expected ? null : `the job ended ${job.status}, its tasks say ${expected}`;
}

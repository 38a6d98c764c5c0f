import { endTask } from './attempt-ending.ts';
import type { AttemptOutcome, FailureKind } from './attempt-outcome.ts';
import { BLOCK_MS, isBlockEarned } from './failure-policy.ts';
import { type JobLedger, type LedgerAttempt, type LedgerTask, ledgerKey } from './job-ledger.ts';

/** The worker that an attempt belongs to, as the records name it. */
export interface AttemptWorker {
  readonly id: string;
  readonly name: string;
  readonly sessionNumber: number;
}

/** Who ends an attempt, how, and with which words. */
export interface AttemptEnd {
  readonly outcome: AttemptOutcome;
  readonly actor: string;
  readonly failure?: { readonly kind: FailureKind; readonly message: string; readonly exitCode?: number | null };
}

/** Gives a claimable task to a worker. */
export function claimTask(
  ledger: JobLedger,
  task: LedgerTask,
  worker: AttemptWorker,
  ids: { id: string; token: string },
  at: Date,
): LedgerAttempt {
  const cause = { actor: worker.name, reason: 'CLAIMED' } as const;
  if (ledger.job.status === 'queued') ledger.moveJob('active', cause, at);
  task.attemptCount += 1;
  task.workerId = worker.id;
  activate(ledger, task, cause);
  const attempt: LedgerAttempt = {
    ...ids,
    taskId: task.id,
    number: task.attemptCount,
    workerId: worker.id,
    sessionNumber: worker.sessionNumber,
    startedAt: at,
    lastOutputAt: at,
    endedAt: null,
    outcome: null,
    failureKind: null,
    failureMessage: null,
    failureExitCode: null,
    reportSequence: 0,
    stopOrder: null,
    stopReason: null,
    stopRequestedBy: null,
    stopComment: null,
    stopSentAt: null,
  };
  ledger.attempts.set(task.id, attempt);
  ledger.newAttempts.add(attempt);
  return attempt;
}

/** Ends a live attempt and moves its task as the table of endings says. The job follows with `ledger.settle`. */
export function endAttempt(ledger: JobLedger, attempt: LedgerAttempt, end: AttemptEnd, at: Date): void {
  const task = ledger.task(attempt.taskId);
  const order =
    attempt.stopOrder && attempt.stopReason ? { order: attempt.stopOrder, reason: attempt.stopReason } : null;
  attempt.endedAt = at;
  attempt.outcome = end.outcome;
  attempt.failureKind = end.failure?.kind ?? null;
  attempt.failureMessage = end.failure?.message ?? null;
  attempt.failureExitCode = end.failure?.exitCode ?? null;
  ledger.dirtyAttempts.add(attempt);

  const ending = endTask(end.outcome, order, task, ledger.job.maxAttempts);
  if (ending.isCounted) countFailure(ledger, task, attempt, at);
  if (end.outcome === 'HANDED_BACK' && !order) failureOf(ledger, task, attempt).handedBackAt = at;
  for (const { to, reason } of ending.path) {
    const isOrdered = to === 'canceled' && order !== null;
    ledger.moveTask(
      task,
      to,
      {
        actor: isOrdered ? (attempt.stopRequestedBy ?? end.actor) : end.actor,
        reason,
        message: isOrdered ? attempt.stopComment : (end.failure?.message ?? null),
      },
      attempt.number,
    );
    if (to === 'failed') ledger.job.error = describeFailure(task, end);
  }
}

/**
 * Whether an attempt that was lost may come back: nothing has happened to its task since, and nobody wanted it stopped.
 */
export function mayComeBack(
  attempt: Pick<LedgerAttempt, 'number' | 'outcome' | 'stopOrder'>,
  task: Pick<LedgerTask, 'status' | 'attemptCount'>,
): boolean {
  return (
    attempt.outcome === 'LOST' &&
    attempt.stopOrder === null &&
    task.status === 'soft-failed' &&
    task.attemptCount === attempt.number
  );
}

/**
 * Whether pictures of an attempt's frames are still wanted: while it is executed or may come back, and after it has
 * completed as long as nothing has happened to its task since. Making them takes longer than saving the last frame.
 */
export function isPictureWanted(
  attempt: Pick<LedgerAttempt, 'number' | 'outcome' | 'stopOrder'>,
  task: Pick<LedgerTask, 'status' | 'attemptCount'>,
): boolean {
  if (attempt.outcome === null || mayComeBack(attempt, task)) return true;
  return attempt.outcome === 'COMPLETED' && task.status === 'completed' && task.attemptCount === attempt.number;
}

/** Takes up an attempt that was lost; its failure is taken off the count. */
export function resumeAttempt(ledger: JobLedger, attempt: LedgerAttempt, worker: AttemptWorker, at: Date): void {
  const task = ledger.task(attempt.taskId);
  takeBackLoss(ledger, attempt, task);
  attempt.endedAt = attempt.outcome = attempt.failureKind = attempt.failureMessage = null;
  attempt.sessionNumber = worker.sessionNumber;
  attempt.lastOutputAt = at;
  activate(ledger, task, { actor: worker.name, reason: 'ATTEMPT_RESUMED' }, attempt.number);
}

/** Takes the result of an attempt that was lost; its failure is taken off the count. */
export function acceptLateResult(ledger: JobLedger, attempt: LedgerAttempt, worker: AttemptWorker, at: Date): void {
  const task = ledger.task(attempt.taskId);
  takeBackLoss(ledger, attempt, task);
  attempt.outcome = 'COMPLETED';
  attempt.endedAt = at;
  attempt.failureKind = attempt.failureMessage = null;
  ledger.moveTask(task, 'completed', { actor: worker.name, reason: 'LATE_RESULT' }, attempt.number);
  if (task.openDependencies > 0)
    ledger.moveTask(task, 'queued', { actor: worker.name, reason: 'DEPENDENCY_REQUEUED' }, attempt.number);
}

function activate(
  ledger: JobLedger,
  task: LedgerTask,
  cause: { actor: string; reason: 'CLAIMED' | 'ATTEMPT_RESUMED' },
  number = task.attemptCount,
): void {
  if (task.status === 'soft-failed') ledger.moveTask(task, 'queued', cause, number);
  ledger.moveTask(task, 'active', cause, number);
}

function failureOf(ledger: JobLedger, task: LedgerTask, attempt: LedgerAttempt) {
  const key = ledgerKey(attempt.workerId, task.id);
  const failure = ledger.failures.get(key) ?? {
    taskId: task.id,
    workerId: attempt.workerId,
    taskType: task.type,
    failures: 0,
    losses: 0,
    failedAt: null,
    handedBackAt: null,
  };
  ledger.failures.set(key, failure);
  ledger.dirtyFailures.add(failure);
  return failure;
}

function countFailure(ledger: JobLedger, task: LedgerTask, attempt: LedgerAttempt, at: Date): void {
  task.failedAttempts += 1;
  task.lastFailedAt = at;
  const failure = failureOf(ledger, task, attempt);
  failure.failures += 1;
  if (attempt.outcome === 'LOST') failure.losses += 1;
  failure.failedAt = at;
  const own = [...ledger.failures.values()].filter(
    ({ workerId, taskType }) => workerId === attempt.workerId && taskType === task.type,
  );
  if (attempt.outcome === 'LOST' || !isBlockEarned(own)) return;
  const block = { workerId: attempt.workerId, taskType: task.type, until: new Date(at.getTime() + BLOCK_MS) };
  ledger.blocks.set(ledgerKey(block.workerId, block.taskType), block);
  ledger.newBlocks.add(block);
}

function takeBackLoss(ledger: JobLedger, attempt: LedgerAttempt, task: LedgerTask): void {
  task.failedAttempts -= 1;
  const failure = failureOf(ledger, task, attempt);
  failure.failures = Math.max(0, failure.failures - 1);
  failure.losses = Math.max(0, failure.losses - 1);
  ledger.dirtyAttempts.add(attempt);
  ledger.dirtyTasks.add(task);
}

function describeFailure(task: LedgerTask, end: AttemptEnd): string {
  const times = task.failedAttempts === 1 ? 'once' : `${task.failedAttempts} times`;
  return `Task ${JSON.stringify(task.name)} failed ${times}: ${end.failure?.message ?? 'no reason was given'}`;
}

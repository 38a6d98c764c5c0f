import { type AttemptWorker, claimTask } from './attempt-actions.ts';
import { canDo, claimableFrom, type FarmWorker, type TaskHistory } from './failure-policy.ts';
import { type JobLedger, type LedgerAttempt, type LedgerTask, ledgerKey } from './job-ledger.ts';
import { mayRunTasks } from './job-status.ts';
import { compareTurns, hasRoomForWorker } from './order-of-work.ts';

/** A worker that has room for a task. */
export interface Claimant extends FarmWorker, AttemptWorker {}

/** What a claim came to: an attempt, or when it is worth asking again (ms since the epoch; Infinity: when something changes). */
export type Claim = { readonly attempt: LedgerAttempt; readonly ledger: JobLedger } | { readonly retryAt: number };

/** A task as the failure policy sees it. */
export function historyOf(ledger: JobLedger, task: LedgerTask): TaskHistory {
  return {
    taskId: task.id,
    taskType: task.type,
    workerTag: ledger.job.workerTag,
    failedAttempts: task.failedAttempts,
    lastFailedAt: task.lastFailedAt,
    failureOf: (workerId) => ledger.failures.get(ledgerKey(workerId, task.id)),
    blockedUntil: (workerId) => ledger.blocks.get(ledgerKey(workerId, task.type))?.until,
  };
}

/**
 * Gives a worker the next task in the order of work, out of the claimable tasks that the ledgers hold.
 *
 * @param farm who is awake and within the lease.
 */
export function claimNext(
  ledgers: Iterable<JobLedger>,
  claimant: Claimant,
  farm: readonly FarmWorker[],
  ids: () => { id: string; token: string },
  now: Date,
  retryDelayMs: number,
): Claim {
  let retryAt = Number.POSITIVE_INFINITY;
  const turns = [...ledgers].filter(({ job }) => job.tasksClaimable > 0).sort((a, b) => compareTurns(a.job, b.job));
  for (const ledger of turns) {
    const { job } = ledger;
    if (!mayRunTasks(job.status) || !hasRoomForWorker(job)) continue;
    for (const task of claimableTasks(ledger)) {
      if (!canDo(claimant, { taskType: task.type, workerTag: job.workerTag })) continue;
      const from = claimableFrom(claimant, historyOf(ledger, task), farm, now, retryDelayMs);
      if (from <= now.getTime()) return { attempt: claimTask(ledger, task, claimant, ids(), now), ledger };
      retryAt = Math.min(retryAt, from);
    }
  }
  return { retryAt };
}

function claimableTasks(ledger: JobLedger): LedgerTask[] {
  return [...ledger.tasks.values()].filter((task) => ledger.isClaimable(task)).sort((a, b) => a.index - b.index);
}

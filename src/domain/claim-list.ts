import { type AttemptWorker, claimTask } from './attempt-actions.ts';
import { blockedFrom, canDo, claimableFrom, type FarmWorker, type TaskHistory } from './failure-policy.ts';
import { type JobLedger, type LedgerAttempt, type LedgerTask, ledgerKey } from './job-ledger.ts';
import { mayRunTasks } from './job-status.ts';
import { needsOfType } from './needs.ts';
import { compareTurns, hasRoomForWorker, type Turn } from './order-of-work.ts';

/** A worker that has room for a task. */
export interface Claimant extends FarmWorker, AttemptWorker {}

/**
 * What a claim came to: an attempt; a ledger of which more has to be read first; or when it is worth asking again (ms
 * since the epoch; Infinity: when something changes).
 */
export type Claim =
  | { readonly attempt: LedgerAttempt; readonly ledger: JobLedger }
  | { readonly unread: JobLedger; readonly taskTypes: readonly string[] }
  | { readonly retryAt: number };

/** A task as the failure policy sees it. */
export function historyOf(ledger: JobLedger, task: LedgerTask): TaskHistory {
  return {
    taskId: task.id,
    taskType: task.type,
    workerTag: ledger.job.workerTag,
    needs: needsOfType(ledger.job.needs, task.type),
    failedAttempts: task.failedAttempts,
    lastFailedAt: task.lastFailedAt,
    failureOf: (workerId) => ledger.failures.get(ledgerKey(workerId, task.id)),
    blockedUntil: (workerId) => ledger.blocks.get(ledgerKey(workerId, task.type))?.until,
  };
}

/** How much of what waits the ledgers show. */
export interface Sight {
  /** A job of a later turn than this one may come after others that no ledger shows; null: all are shown. */
  readonly horizon: Turn | null;
  /** Up to which index a ledger holds the claimable tasks of these types; Infinity when it holds all. */
  readonly readTo: (ledger: JobLedger, taskTypes: readonly string[]) => number;
}
const EVERYTHING: Sight = { horizon: null, readTo: () => Number.POSITIVE_INFINITY };

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
  { horizon, readTo }: Sight = EVERYTHING,
): Claim {
  let retryAt = Number.POSITIVE_INFINITY;
  const turns = [...ledgers].filter(({ job }) => job.tasksClaimable > 0).sort((a, b) => compareTurns(a.job, b.job));
  for (const ledger of turns) {
    const { job } = ledger;
    if (horizon && compareTurns(job, horizon) > 0) break;
    if (!mayRunTasks(job.status) || !hasRoomForWorker(job)) continue;
    const { taskTypes, blockedUntil } = openTypes(ledger, claimant, farm, now);
    retryAt = Math.min(retryAt, blockedUntil);
    if (taskTypes.length === 0) continue;
    const lastIndex = readTo(ledger, taskTypes);
    for (const task of claimableTasks(ledger)) {
      if (task.index > lastIndex) break;
      if (!taskTypes.includes(task.type)) continue;
      const from = claimableFrom(claimant, historyOf(ledger, task), farm, now, retryDelayMs);
      if (from <= now.getTime()) return { attempt: claimTask(ledger, task, claimant, ids(), now), ledger };
      retryAt = Math.min(retryAt, from);
    }
    // A job of a later turn has to wait until this one is known to have nothing for the worker.
    if (lastIndex !== Number.POSITIVE_INFINITY) return { unread: ledger, taskTypes };
  }
  return { retryAt };
}

/** The task types of a job that a worker may be given, and when (ms) the first block of another ends. */
function openTypes(ledger: JobLedger, claimant: Claimant, farm: readonly FarmWorker[], now: Date) {
  const { workerTag, needs } = ledger.job;
  const taskTypes: string[] = [];
  let until = Number.POSITIVE_INFINITY;
  for (const taskType of claimant.taskTypes) {
    const work = { taskType, workerTag, needs: needsOfType(needs, taskType) };
    if (!canDo(claimant, work)) continue;
    const blockedUntil = (workerId: string) => ledger.blocks.get(ledgerKey(workerId, taskType))?.until;
    const blocked = blockedFrom(claimant, { ...work, blockedUntil }, farm, now);
    if (blocked === 0) taskTypes.push(taskType);
    else until = Math.min(until, blocked);
  }
  return { taskTypes, blockedUntil: until };
}

function claimableTasks(ledger: JobLedger): LedgerTask[] {
  return [...ledger.tasks.values()].filter((task) => ledger.isClaimable(task)).sort((a, b) => a.index - b.index);
}

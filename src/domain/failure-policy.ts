import type { LedgerFailure } from './job-ledger.ts';

/** How long a worker that failed a task leaves it to others. */
export const AVOIDANCE_MS = 10 * 60_000;
/** How long a worker that failed several tasks of one type of a job gets no more of them. */
export const BLOCK_MS = 60 * 60_000;
/** One bad frame is no verdict on a machine, three different ones are. */
export const BLOCK_AFTER_TASKS = 3;
/** The longest back-off: a broken scene is not hammered, a mended one does not wait for ever. */
export const MAX_BACK_OFF_MS = 10 * 60_000;
/** The back-off after the first failure, where the configuration says nothing else. */
export const DEFAULT_RETRY_DELAY_MS = 30_000;

/** Milliseconds that a task waits after its n-th counted failure when everyone who could do it has failed it. */
export function backOffMs(countedFailures: number, retryDelayMs: number): number {
  return Math.min(MAX_BACK_OFF_MS, retryDelayMs * 2 ** Math.max(0, countedFailures - 1));
}

/** Whether a worker's failures of tasks of one type in one job block it there. Lost attempts do not count. */
export function isBlockEarned(failures: readonly Pick<LedgerFailure, 'failures' | 'losses'>[]): boolean {
  return failures.filter((failure) => failure.failures > failure.losses).length >= BLOCK_AFTER_TASKS;
}

/** A worker as far as it matters for whom a task may be given to. */
export interface FarmWorker {
  readonly id: string;
  readonly taskTypes: readonly string[];
  readonly tags: readonly string[];
  /** As offersOf gives it. */
  readonly offers: readonly string[];
}

export interface WantedWork {
  readonly taskType: string;
  readonly workerTag: string | null;
  /** As needsOf gives it for the task type. */
  readonly needs: readonly string[];
}

/** Whether a worker that is awake and within its lease can do such work at all. */
export function canDo(worker: FarmWorker, work: WantedWork): boolean {
  return (
    worker.taskTypes.includes(work.taskType) &&
    (work.workerTag === null || worker.tags.includes(work.workerTag)) &&
    work.needs.every((need) => worker.offers.includes(need))
  );
}

export interface TaskHistory extends WantedWork {
  readonly taskId: string;
  /** Counted failures of the task, and when the newest was. */
  readonly failedAttempts: number;
  readonly lastFailedAt: Date | null;
  failureOf(workerId: string): Pick<LedgerFailure, 'failures' | 'failedAt' | 'handedBackAt'> | undefined;
  blockedUntil(workerId: string): Date | undefined;
}

/**
 * When (milliseconds since the epoch) a worker may be given a task: 0 or a past time means now, Infinity means that it
 * cannot do it at all. Avoidance and blocks hold only while another capable worker is there now; otherwise a failed
 * task waits for its back-off, and nothing waits for ever.
 *
 * @param workers who is awake and within the lease at `now`, `worker` included.
 */
export function claimableFrom(
  worker: FarmWorker,
  task: TaskHistory,
  workers: readonly FarmWorker[],
  now: Date,
  retryDelayMs: number,
): number {
  if (!canDo(worker, task)) return Number.POSITIVE_INFINITY;
  const blocked = blockedFrom(worker, task, workers, now);
  if (blocked > 0) return blocked;
  const others = othersFor(worker, task, workers, now);
  const own = task.failureOf(worker.id);
  if (!own) return 0;
  const handedBack = own.handedBackAt && others.length > 0 ? own.handedBackAt.getTime() + retryDelayMs : 0;
  if (own.failures === 0 || !own.failedAt) return handedBack;
  const isThereAFreshOne = others.some((other) => !task.failureOf(other.id)?.failures);
  const failed = isThereAFreshOne
    ? own.failedAt.getTime() + AVOIDANCE_MS
    : (task.lastFailedAt ?? own.failedAt).getTime() + backOffMs(task.failedAttempts, retryDelayMs);
  return Math.max(handedBack, failed);
}

type BlockableWork = WantedWork & Pick<TaskHistory, 'blockedUntil'>;

/** Until when (ms since the epoch) a block keeps tasks of a type from a worker; 0 when nothing does. */
export function blockedFrom(
  worker: FarmWorker,
  task: BlockableWork,
  workers: readonly FarmWorker[],
  now: Date,
): number {
  const holds = isBlocked(task, worker.id, now) && othersFor(worker, task, workers, now).length > 0;
  return holds ? task.blockedUntil(worker.id)!.getTime() : 0;
}

/** Who else could do it now. */
function othersFor(worker: FarmWorker, task: BlockableWork, workers: readonly FarmWorker[], now: Date): FarmWorker[] {
  return workers.filter((other) => other.id !== worker.id && canDo(other, task) && !isBlocked(task, other.id, now));
}

function isBlocked(task: Pick<TaskHistory, 'blockedUntil'>, workerId: string, now: Date): boolean {
  return (task.blockedUntil(workerId)?.getTime() ?? 0) > now.getTime();
}

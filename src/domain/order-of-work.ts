import { canDo, claimableFrom, type FarmWorker, type TaskHistory } from './failure-policy.ts';
import { isOpenTask, type TaskStatus } from './task-status.ts';

/** A job as far as its turn depends on it. */
export interface WaitingJob {
  readonly id: string;
  readonly priority: number;
  readonly tasksActive: number;
  readonly maxWorkers: number | null;
  readonly createdAt: Date;
}

/** What decides about a job's turn. */
export type Turn = Pick<WaitingJob, 'id' | 'priority' | 'tasksActive' | 'createdAt'>;

const noJob = (priority: number): Turn => ({ id: '', priority, tasksActive: 0, createdAt: new Date(0) });
export const BEFORE_ALL_TURNS: Turn = noJob(Number.POSITIVE_INFINITY);
export const AFTER_ALL_TURNS: Turn = noJob(Number.NEGATIVE_INFINITY);

/**
 * Whose task is given out first: the higher priority, then the job with fewer running tasks (none takes the whole farm
 * while an equal one waits), then the older one.
 */
export function compareTurns(a: Turn, b: Turn): number {
  return (
    b.priority - a.priority ||
    a.tasksActive - b.tasksActive ||
    a.createdAt.getTime() - b.createdAt.getTime() ||
    (a.id < b.id ? -1 : 1)
  );
}

/** Whether the job may have one more live attempt. 0 holds the job. */
export function hasRoomForWorker(job: Pick<WaitingJob, 'tasksActive' | 'maxWorkers'>): boolean {
  return job.maxWorkers === null || job.tasksActive < job.maxWorkers;
}

// biome-ignore format: one row per line
export const WAITING_REASONS = {
  DEPENDENCY:        'Something that it depends on is not completed.',
  WORKER_LIMIT:      'The job has as many workers as it may have.',
  NO_CAPABLE_WORKER: 'No worker that is awake takes its task type, has its tag and offers what it needs.',
  BACKING_OFF:       'It failed; the workers that could do it leave it alone for a while.',
  ALL_WORKERS_BUSY:  'Every worker that could do it is busy with something else.',
} as const satisfies Record<string, string>;
export type WaitingReason = keyof typeof WAITING_REASONS;

/** Why a task waits: the first reason that holds; null when it does not wait. */
export function waitingReason(
  job: Pick<WaitingJob, 'tasksActive' | 'maxWorkers'>,
  task: TaskHistory & { readonly status: TaskStatus; readonly openDependencies: number },
  workers: readonly FarmWorker[],
  now: Date,
  retryDelayMs: number,
): WaitingReason | null {
  if (!isOpenTask(task.status)) return null;
  if (task.openDependencies > 0) return 'DEPENDENCY';
  if (!hasRoomForWorker(job)) return 'WORKER_LIMIT';
  const capable = workers.filter((worker) => canDo(worker, task));
  if (capable.length === 0) return 'NO_CAPABLE_WORKER';
  const mayAny = capable.some((worker) => claimableFrom(worker, task, workers, now, retryDelayMs) <= now.getTime());
  return mayAny ? 'ALL_WORKERS_BUSY' : 'BACKING_OFF';
}

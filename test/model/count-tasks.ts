import { type LedgerJob, type LedgerTask, weighTask } from '../../src/domain/job-ledger.ts';
import type { TaskStatus } from '../../src/domain/task-status.ts';

// biome-ignore format: one status per line
const COUNTERS: Record<TaskStatus, keyof TaskCounts | null> = {
  'queued':      'tasksQueued',
  'active':      'tasksActive',
  'completed':   'tasksCompleted',
  'soft-failed': 'tasksSoftFailed',
  'failed':      'tasksFailed',
  'canceled':    'tasksCanceled',
  'paused':      null,
};

export type TaskCounts = Pick<
  LedgerJob,
  | 'tasksTotal'
  | 'tasksQueued'
  | 'tasksActive'
  | 'tasksCompleted'
  | 'tasksSoftFailed'
  | 'tasksFailed'
  | 'tasksCanceled'
  | 'tasksCanceledByFailure'
  | 'tasksClaimable'
  | 'framesTotal'
  | 'framesDone'
  | 'workTotal'
  | 'workDone'
>;

/** A job's counters, counted afresh from all its tasks. */
export function countTasks(tasks: Iterable<LedgerTask>): TaskCounts {
  const counts: TaskCounts = {
    tasksTotal: 0,
    tasksQueued: 0,
    tasksActive: 0,
    tasksCompleted: 0,
    tasksSoftFailed: 0,
    tasksFailed: 0,
    tasksCanceled: 0,
    tasksCanceledByFailure: 0,
    tasksClaimable: 0,
    framesTotal: 0,
    framesDone: 0,
    workTotal: 0,
    workDone: 0,
  };
  for (const task of tasks) {
    const counter = COUNTERS[task.status];
    counts.tasksTotal += 1;
    if (counter) counts[counter] += 1;
    if (task.status === 'canceled' && task.statusReason === 'JOB_FAILED') counts.tasksCanceledByFailure += 1;
    if ((task.status === 'queued' || task.status === 'soft-failed') && task.openDependencies === 0)
      counts.tasksClaimable += 1;
    counts.framesTotal += task.frameCount;
    counts.framesDone += task.framesDone;
    counts.workTotal += weighTask(task);
    counts.workDone += task.progress * weighTask(task);
  }
  return counts;
}

/** The first counter of the job that does not say what its tasks say, in words; null when all do. */
export function findWrongCount(job: LedgerJob, tasks: Iterable<LedgerTask>): string | null {
  const counts = countTasks(tasks);
  for (const key in counts) {
    const name = key as keyof TaskCounts;
    if (job[name] !== counts[name]) return `${name} is ${job[name]}, its tasks say ${counts[name]}`;
  }
  return null;
}

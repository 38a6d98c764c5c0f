import { type JobStatus, mayRunTasks } from './job-status.ts';
import type { StatusReason } from './status-reason.ts';

/** How many tasks of a job are in which state: all that its own status depends on. */
export interface TaskTally {
  readonly total: number;
  readonly active: number;
  /** Queued or soft-failed, and every dependency completed. */
  readonly claimable: number;
  readonly completed: number;
  /** Failed, or canceled with the reason JOB_FAILED. */
  readonly failures: number;
}

/** What becomes of a job: where it goes, and with which reason the tasks that are still open are canceled first. */
export interface JobEnding {
  readonly to: JobStatus;
  readonly closeOpenTasksAs: StatusReason;
}

/**
 * The job's ending as its tasks demand it; null while it goes on. Dependencies have no cycles, so when nothing is active
 * and nothing claimable, nothing that is still open can ever run without a user.
 */
export function foldJob(status: JobStatus, tasks: TaskTally): JobEnding | null {
  if (tasks.active > 0) return null;
  if (status === 'cancel-requested') return { to: 'canceled', closeOpenTasksAs: 'JOB_CANCELED' };
  if (!mayRunTasks(status) || tasks.claimable > 0) return null;
  const to = tasks.completed === tasks.total ? 'completed' : tasks.failures > 0 ? 'failed' : 'canceled';
  // A queued job has given out nothing, so it cannot have completed or failed: its row has only `canceled`.
  return { to: status === 'queued' ? 'canceled' : to, closeOpenTasksAs: 'DEPENDENCY_UNFINISHED' };
}

/** Whether so many failed tasks fail the job: 24 tasks at 10 % → 3; ten tasks or fewer → 1. */
export function isFailureLimitReached(failedTasks: number, totalTasks: number, failureLimitPercent: number): boolean {
  return failedTasks > 0 && failedTasks * 100 >= failureLimitPercent * totalTasks;
}

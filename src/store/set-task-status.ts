import type { Pool } from 'pg';
import { NotFoundError } from '../domain/errors.ts';
import { type Asker, asRequested, changeTask, requeueTasks } from '../domain/job-actions.ts';
import type { JobLedger } from '../domain/job-ledger.ts';
import { judgeTaskRequest, refuseTaskRequest, requestableTaskStatuses } from '../domain/task-requests.ts';
import type { TaskStatus } from '../domain/task-status.ts';
import { changeJob, type JobChange } from './change-job.ts';
import { query, type Statement } from './database.ts';
import type { Store } from './store.ts';

const JOB_OF_TASK: Statement = { name: 'job-of-task', text: 'SELECT job_id AS "jobId" FROM task WHERE id = $1' };

/** A task's change, and its job's. */
export interface TaskChange extends JobChange {
  readonly taskId: string;
}

/** The mutations that each stand for one status. */
export type TaskMutation = 'cancelTask' | 'requeueTask' | 'setTaskStatus';

/**
 * Asks for a task's status: canceled (cancelTask), queued (requeueTask), failed (give up) or completed (accept as done).
 *
 * @throws NotFoundError, TaskTransitionError, DependencyUnfinishedError
 */
export async function setTaskStatus(
  store: Store,
  taskId: string,
  to: TaskStatus,
  asker: Asker,
  mutation: TaskMutation = 'setTaskStatus',
): Promise<TaskChange> {
  const jobId = await jobOfTask(store.pool, taskId);
  const change = await changeJob(store, jobId, (ledger, now) => {
    askForTask(ledger, taskId, to, asker, mutation, now);
  });
  return { ...change, taskId };
}

/**
 * Asks for the status of a task of a whole ledger.
 *
 * @returns false when the same had been asked for already
 * @throws NotFoundError, TaskTransitionError, DependencyUnfinishedError: then nothing is changed
 */
export function askForTask(
  ledger: JobLedger,
  taskId: string,
  to: TaskStatus,
  asker: Asker,
  mutation: TaskMutation,
  now: Date,
): boolean {
  const { job } = ledger;
  const task = ledger.tasks.get(taskId);
  if (!task) throw new NotFoundError('task', taskId);
  const asked = asRequested(ledger, task);
  const verdict = judgeTaskRequest(job.status, asked, to);
  if ('pending' in verdict) return false;
  if ('refusal' in verdict) {
    const allowed = mutation === 'setTaskStatus' ? requestableTaskStatuses(job.status, asked) : [];
    throw refuseTaskRequest(job, asked, to, verdict.refusal, allowed);
  }
  if (verdict.request === 'requeue') requeueTasks(ledger, [task], asker, now);
  else changeTask(ledger, task, verdict.request, asker, now);
  return true;
}

async function jobOfTask(pool: Pool, taskId: string): Promise<string> {
  const { rows } = await query<{ jobId: string }>(pool, JOB_OF_TASK, [taskId]);
  if (!rows[0]) throw new NotFoundError('task', taskId);
  return rows[0].jobId;
}

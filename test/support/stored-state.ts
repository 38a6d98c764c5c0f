import type { Pool } from 'pg';
import type { ModelTask, State } from '../model/state.ts';

/** What of the model's state is stored: all but the back-off, which depends on the time. */
export interface StoredState {
  readonly job: State['job'];
  readonly tasks: readonly Omit<ModelTask, 'backsOff'>[];
}

const TASKS = `SELECT task.status, status_reason AS reason, open_dependencies AS "openDependencies", failed_attempts AS "failedAttempts",
    attempt_count AS "attemptCount", CASE WHEN ended_at IS NULL AND stop_order IS NOT NULL THEN json_build_object('order', stop_order, 'reason', stop_reason) END AS stop,
    coalesce(outcome = 'LOST' AND stop_order IS NULL AND task.status = 'soft-failed' AND deleted_at IS NULL, false) AS "mayComeBack"
  FROM task LEFT JOIN attempt ON attempt.task_id = task.id AND number = attempt_count LEFT JOIN worker ON worker.id = attempt.worker_id
  WHERE task.job_id = $1 ORDER BY task.index`;

/** A stored job as the model sees it. */
export async function readStoredState(pool: Pool, jobId: string): Promise<StoredState> {
  const { rows: jobs } = await pool.query('SELECT status, status_reason AS reason, sequence FROM job WHERE id = $1', [
    jobId,
  ]);
  const { rows: tasks } = await pool.query(TASKS, [jobId]);
  return { job: jobs[0], tasks };
}

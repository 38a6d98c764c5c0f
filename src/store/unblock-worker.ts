import { NotFoundError } from '../domain/errors.ts';
import { type JobChange, newestPosition } from './change-job.ts';
import { inTransaction, query, type Statement } from './database.ts';
import { lockJobs } from './job-locks.ts';
import type { Store } from './store.ts';

const EXISTS: Statement = {
  name: 'unblock-exists',
  text: `SELECT EXISTS (SELECT FROM job WHERE id = $1) AS job, EXISTS (SELECT FROM worker WHERE id = $2 AND deleted_at IS NULL) AS worker`,
};
const UNBLOCK: Statement = {
  name: 'unblock-worker',
  text: 'DELETE FROM worker_block WHERE job_id = $1 AND worker_id = $2 AND task_type = $3',
};
/** Without its records the worker would be blocked again by its very next failure. */
const FORGET: Statement = {
  name: 'unblock-forget',
  text: 'DELETE FROM task_failure WHERE job_id = $1 AND worker_id = $2 AND task_type = $3',
};

/**
 * Lifts a worker's block for one task type of a job, and forgets the failures that led to it.
 *
 * @throws NotFoundError
 */
export async function unblockWorker(
  store: Store,
  jobId: string,
  workerId: string,
  taskType: string,
): Promise<JobChange> {
  const result = await inTransaction(store.pool, async (client) => {
    await lockJobs(client, [jobId]);
    const { rows } = await query<{ job: boolean; worker: boolean }>(client, EXISTS, [jobId, workerId]);
    if (!rows[0]!.job) throw new NotFoundError('job', jobId);
    if (!rows[0]!.worker) throw new NotFoundError('worker', workerId);
    const { rowCount } = await query(client, UNBLOCK, [jobId, workerId, taskType]);
    await query(client, FORGET, [jobId, workerId, taskType]);
    return { jobId, position: await newestPosition(client, jobId), changed: (rowCount ?? 0) > 0 };
  });
  store.announce({ jobIds: new Set([jobId]), workerIds: new Set([workerId]), mayHaveWork: true });
  return result;
}

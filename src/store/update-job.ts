import { NotFoundError } from '../domain/errors.ts';
import { type JobChange, newestPosition } from './change-job.ts';
import { inTransaction, query, type Statement } from './database.ts';
import { lockJobs } from './job-locks.ts';
import type { Store } from './store.ts';

/** What a user may change of a job at any time. Absent: left as it is; null: cleared. */
export interface JobUpdate {
  readonly name?: string;
  readonly priority?: number;
  readonly maxWorkers?: number | null;
  readonly workerTag?: string | null;
  readonly metadata?: unknown;
}

/** `? keys` tells an absent key from one that is null. */
const UPDATE: Statement = {
  name: 'update-job',
  text: `UPDATE job SET
      name = CASE WHEN $2::jsonb ? 'name' THEN $2::jsonb ->> 'name' ELSE name END,
      priority = CASE WHEN $2::jsonb ? 'priority' THEN ($2::jsonb ->> 'priority')::integer ELSE priority END,
      max_workers = CASE WHEN $2::jsonb ? 'maxWorkers' THEN ($2::jsonb ->> 'maxWorkers')::integer ELSE max_workers END,
      worker_tag = CASE WHEN $2::jsonb ? 'workerTag' THEN $2::jsonb ->> 'workerTag' ELSE worker_tag END,
      metadata = CASE WHEN $2::jsonb ? 'metadata' THEN $2::jsonb -> 'metadata' ELSE metadata END,
      updated_at = $3
    WHERE id = $1`,
};

/**
 * Changes what a job is called and how it takes its turn; running tasks go on. No status changes, so no event: the answer
 * has the job's newest one.
 *
 * @throws NotFoundError
 */
export async function updateJob(store: Store, jobId: string, update: JobUpdate): Promise<JobChange> {
  const result = await inTransaction(store.pool, async (client) => {
    await lockJobs(client, [jobId]);
    const { rowCount } = await query(client, UPDATE, [jobId, JSON.stringify(update), store.now()]);
    if (rowCount === 0) throw new NotFoundError('job', jobId);
    return { jobId, position: await newestPosition(client, jobId), changed: true };
  });
  store.announce({ jobIds: new Set([jobId]), workerIds: new Set(), mayHaveWork: true });
  return result;
}

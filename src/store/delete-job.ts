import { JobNotDeletableError, NotFoundError } from '../domain/errors.ts';
import type { Asker } from '../domain/job-actions.ts';
import { isDeletableJob } from '../domain/job-status.ts';
import { inTransaction, query, type Statement } from './database.ts';
import { lockJobs } from './job-locks.ts';
import { openLedgers } from './ledger-rows.ts';
import { saveLedgers } from './save-ledgers.ts';
import type { EventPosition, Store } from './store.ts';

/** From the leaves to the root, one statement a table: left to the foreign keys alone it would be one for each row. */
const DELETIONS: readonly Statement[] = [
  {
    name: 'delete-log',
    text: 'DELETE FROM task_log_chunk WHERE attempt_id IN (SELECT id FROM attempt WHERE job_id = $1)',
  },
  { name: 'delete-pictures', text: 'DELETE FROM picture WHERE job_id = $1' },
  { name: 'delete-outputs', text: 'DELETE FROM output WHERE job_id = $1' },
  { name: 'delete-failures', text: 'DELETE FROM task_failure WHERE job_id = $1' },
  { name: 'delete-attempts', text: 'DELETE FROM attempt WHERE job_id = $1' },
  { name: 'delete-dependencies', text: 'DELETE FROM task_dependency WHERE job_id = $1' },
  { name: 'delete-tasks', text: 'DELETE FROM task WHERE job_id = $1' },
  { name: 'delete-job', text: 'DELETE FROM job WHERE id = $1' },
];

/**
 * Deletes a job that nothing of is running, with everything but its events; its last event says so.
 *
 * @throws NotFoundError, JobNotDeletableError
 */
export async function deleteJob(store: Store, jobId: string, asker: Asker): Promise<EventPosition> {
  const now = store.now();
  const position = await inTransaction(store.pool, async (client) => {
    await lockJobs(client, [jobId]);
    const ledger = (await openLedgers(client, [jobId])).get(jobId);
    if (!ledger) throw new NotFoundError('job', jobId);
    const { name, status } = ledger.job;
    if (!isDeletableJob(status))
      throw new JobNotDeletableError(
        `Job ${JSON.stringify(name)} is ${status}: cancel it and wait until it has ended, then delete it.`,
        jobId,
      );
    ledger.deleteJob({ actor: asker.actor, reason: 'USER', message: asker.comment ?? null });
    for (const deletion of DELETIONS) await query(client, deletion, [jobId]);
    return (await saveLedgers(client, [ledger], now)).get(jobId)!;
  });
  store.announce({ jobIds: new Set([jobId]), workerIds: new Set(), mayHaveWork: false });
  return position;
}

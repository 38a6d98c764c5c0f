import type { ClientBase } from 'pg';
import { NotFoundError } from '../domain/errors.ts';
import type { JobLedger } from '../domain/job-ledger.ts';
import { inTransaction, query, type Statement } from './database.ts';
import { lockJobs } from './job-locks.ts';
import { openWholeLedger } from './ledger-rows.ts';
import { describeChange, saveLedgers } from './save-ledgers.ts';
import type { EventPosition, Store } from './store.ts';

const NEWEST_EVENT: Statement = {
  name: 'newest-event',
  text: `SELECT xid::text, id, greatest(1, cardinality(task_ids)) AS offset FROM event WHERE job_id = $1 ORDER BY first_sequence DESC LIMIT 1`,
};

/** What a user's change of a job came to. */
export interface JobChange {
  readonly jobId: string;
  /** Where the change stands in the feed; the job's newest event when nothing changed. */
  readonly position: EventPosition;
  readonly changed: boolean;
}

/**
 * Changes one job on a user's word: lock, load all of it, ask the domain, write, tell after the commit. `decide` refuses
 * by throwing a UserError: then nothing is written. Like the whole transaction it may run more than once.
 */
export async function changeJob(
  store: Store,
  jobId: string,
  decide: (ledger: JobLedger, now: Date, client: ClientBase) => void | Promise<void>,
): Promise<JobChange> {
  const now = store.now();
  const { change, result } = await inTransaction(store.pool, async (client) => {
    await lockJobs(client, [jobId]);
    const ledger = await openWholeLedger(client, jobId);
    if (!ledger) throw new NotFoundError('job', jobId);
    await decide(ledger, now, client);
    const changed = ledger.hasJobChanged || ledger.dirtyTasks.size > 0;
    const position = (await saveLedgers(client, [ledger], now)).get(jobId) ?? (await newestPosition(client, jobId));
    return { change: describeChange([ledger]), result: { jobId, position, changed } };
  });
  if (result.changed) store.announce(change);
  return result;
}

/** Where the job's newest event stands: what a client has to have seen to know the job as it is. */
export async function newestPosition(client: ClientBase, jobId: string): Promise<EventPosition> {
  const { rows } = await query<{ xid: string; id: number; offset: number }>(client, NEWEST_EVENT, [jobId]);
  if (!rows[0]) throw new Error(`Job ${jobId} has no event.`);
  return rows[0];
}

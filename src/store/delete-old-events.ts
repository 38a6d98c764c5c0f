import { query, type Statement } from './database.ts';
import type { Store } from './store.ts';

/** Days for which what happened can be read, also of deleted jobs. */
export const EVENT_RETENTION_DAYS = 30;

/**
 * In pieces: one delete of a month's events would hold back every stream for as long as it takes. A living job keeps its
 * newest event, which is the cursor that its mutations answer with.
 */
const DELETE: Statement = {
  name: 'delete-old-events',
  text: `DELETE FROM event WHERE id IN (
      SELECT event.id FROM event LEFT JOIN job ON job.id = event.job_id
      WHERE at < $1 AND (job.id IS NULL OR first_sequence + greatest(1, cardinality(task_ids)) - 1 < job.sequence)
      ORDER BY at LIMIT 1000)`,
};

/** Deletes events past their retention. */
export async function deleteOldEvents(store: Store, retentionDays = EVENT_RETENTION_DAYS): Promise<void> {
  const before = new Date(store.now().getTime() - retentionDays * 86_400_000);
  while (((await query(store.pool, DELETE, [before])).rowCount ?? 0) > 0);
}

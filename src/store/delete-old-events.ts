import { query, type Statement } from './database.ts';
import type { Store } from './store.ts';

/** Days for which what happened can be read, also of deleted jobs. */
export const EVENT_RETENTION_DAYS = 30;

/**
 * In pieces: one delete of a month's events would hold back every stream for as long as it takes. A living job keeps its
 * newest event, which is the cursor that its mutations answer with. How far into the feed it went is kept: whoever has seen
 * all of that has missed nothing.
 */
const DELETE: Statement = {
  name: 'delete-old-events',
  text: `WITH deleted AS (
      DELETE FROM event WHERE id IN (
        SELECT event.id FROM event LEFT JOIN job ON job.id = event.job_id
        WHERE at < $1 AND (job.id IS NULL OR first_sequence + greatest(1, cardinality(task_ids)) - 1 < job.sequence)
        ORDER BY at LIMIT 1000)
      RETURNING xid, id, greatest(1, cardinality(task_ids)) AS changes
    ), last AS (
      SELECT * FROM deleted ORDER BY xid DESC, id DESC LIMIT 1
    ), note AS (
      UPDATE feed_epoch SET deleted_xid = xid, deleted_id = last.id, deleted_offset = changes
      FROM last WHERE (deleted_xid, deleted_id) < (xid, last.id)
    )
    SELECT count(*)::integer AS count FROM deleted`,
};

/** Deletes events past their retention. */
export async function deleteOldEvents(store: Store, retentionDays = EVENT_RETENTION_DAYS): Promise<void> {
  const before = new Date(store.now().getTime() - retentionDays * 86_400_000);
  while ((await query<{ count: number }>(store.pool, DELETE, [before])).rows[0]!.count > 0);
}

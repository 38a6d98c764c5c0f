import { query, type Statement } from './database.ts';
import type { Store } from './store.ts';

/** Counted before it is sent: a gateway that dies over it has tried too, and nobody else takes it meanwhile. */
const CLAIM: Statement = {
  name: 'claim-notices',
  text: `UPDATE notice SET tries = tries + 1,
      due_at = $2 + make_interval(secs => ($4::float8[])[least(tries + 1, cardinality($4::float8[]))])
    WHERE id IN (SELECT id FROM notice WHERE url = $1 AND due_at <= $2 ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
    RETURNING id, body, tries`,
};
const NEXT: Statement = { name: 'next-notice', text: 'SELECT min(due_at) AS "dueAt" FROM notice WHERE url = $1' };
const DELETE: Statement = { name: 'delete-notice', text: 'DELETE FROM notice WHERE id = $1' };
const DELETE_OLD: Statement = { name: 'delete-old-notices', text: 'DELETE FROM notice WHERE created_at < $1' };

/** A notice that is to be sent now. */
export interface ClaimedNotice {
  readonly id: string;
  readonly body: string;
  /** This one included. */
  readonly tries: number;
}

/**
 * Takes notices that are due. Each is due again after the pause that follows so many tries, unless it is deleted before.
 *
 * @param pausesMs the pause after the first try, after the second, …; each longer than it takes to send one
 */
export async function claimNotices(
  { pool, now }: Store,
  url: string,
  limit: number,
  pausesMs: readonly number[],
): Promise<ClaimedNotice[]> {
  const pauses = pausesMs.map((pause) => pause / 1000);
  return (await query<ClaimedNotice & object>(pool, CLAIM, [url, now(), limit, pauses])).rows;
}

/** When the next one is due; null when there is none. */
export async function findNextNotice({ pool }: Store, url: string): Promise<Date | null> {
  return (await query<{ dueAt: Date | null }>(pool, NEXT, [url])).rows[0]!.dueAt;
}

/** It has been sent, or is given up. */
export async function deleteNotice({ pool }: Store, id: string): Promise<void> {
  await query(pool, DELETE, [id]);
}

/** Those of a webhook that nobody serves any more. */
export async function deleteNoticesBefore({ pool }: Store, before: Date): Promise<void> {
  await query(pool, DELETE_OLD, [before]);
}

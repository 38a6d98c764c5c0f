import type { Pool } from 'pg';
import { CursorExpiredError, NotFoundError, UserError } from '../domain/errors.ts';
import { query, type Statement } from '../store/database.ts';
import type { EventPosition } from '../store/store.ts';
import { type ChangeBatch, MAX_BATCH } from './change-batch.ts';
import type { ChangeFilter } from './change-filter.ts';
import { findOldestCursor, requirePosition } from './check-cursor.ts';
import type { EventCursor, LogCursor } from './cursor.ts';
import type { Feed } from './feed.ts';
import { BEGINNING, comparePositions } from './position.ts';
import { readChanges } from './read-changes.ts';

export interface ChangesWish {
  readonly filter: ChangeFilter;
  readonly after: EventCursor | LogCursor | null;
  /** Counts only without `after`. */
  readonly startAt: 'OLDEST' | 'NOW';
}

/**
 * Every change that the filter wants, once and in order: first from the log, then as it happens. The first batch comes at
 * once, if only to say where the stream stands. One that cannot go on ends with the error that says why.
 */
export async function* followChanges(
  feed: Feed,
  wish: ChangesWish,
  signal: AbortSignal,
): AsyncGenerator<ChangeBatch | UserError> {
  const { filter } = wish;
  const hub = feed.hub;
  const reader = hub.open(filter);
  const close = () => reader.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    if (signal.aborted) return;
    let position = await findStart(feed, wish);
    let isFirst = true;
    const end = await findDeletion(feed.store.pool, filter.jobId);
    while (end === null || comparePositions(position, end) < 0) {
      const delivery = await reader.next(position, isFirst);
      if (delivery === 'closed') return;
      if (delivery === 'reset') return yield await explainReset(feed);
      const batch = delivery === 'behind' ? await readBacklog(feed, filter, position) : delivery;
      position = batch.position;
      if (delivery === 'behind' && batch.changes.length === 0 && !isFirst) continue;
      isFirst = false;
      yield batch;
      if (filter.jobId !== null && batch.changes.at(-1)?.row.kind === 'deletion') return;
    }
    if (isFirst) yield { changes: [], position, seenAt: feed.store.now() };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    yield error;
  } finally {
    signal.removeEventListener('abort', close);
    reader.close();
  }
}

/** One batch, as a query gives it: read from the log, so that it has everything that was committed before. */
export async function readOnce(feed: Feed, wish: ChangesWish, first: number): Promise<ChangeBatch> {
  const { filter } = wish;
  const { pool } = feed.store;
  await findDeletion(pool, filter.jobId);
  const head = feed.head;
  const start = wish.startAt === 'OLDEST' && !wish.after ? BEGINNING : await findStart(feed, wish);
  const { changes, position, isEnd } = await readChanges(pool, { filter, after: start, first, until: null });
  const reached = position ?? start;
  if (!isEnd) return { changes, position: reached, seenAt: null };
  return { changes, position: comparePositions(reached, head) > 0 ? reached : head, seenAt: feed.store.now() };
}

async function findStart(feed: Feed, { after, startAt, filter }: ChangesWish): Promise<EventPosition> {
  if (after) return await requirePosition(feed.cursorContext(), after, filter.jobId);
  if (startAt === 'OLDEST') return BEGINNING;
  await feed.catchUp();
  return feed.head;
}

/** From the log, up to where memory takes over: what is there is never read twice. */
async function readBacklog(feed: Feed, filter: ChangeFilter, after: EventPosition): Promise<ChangeBatch> {
  const until = feed.head;
  const { changes, position, isEnd } = await readChanges(feed.store.pool, { filter, after, first: MAX_BATCH, until });
  if (!isEnd) return { changes, position: position ?? after, seenAt: null };
  const isCaughtUp = comparePositions(until, feed.head) === 0;
  return { changes, position: until, seenAt: isCaughtUp ? feed.store.now() : null };
}

const DELETION: Statement = {
  name: 'feed-deletion',
  text: `SELECT xid::text AS xid, id, 1 AS offset, kind FROM event WHERE job_id = $1 AND NOT EXISTS (SELECT FROM job WHERE job.id = $1)
    ORDER BY first_sequence DESC LIMIT 1`,
};
const JOB: Statement = { name: 'feed-job', text: 'SELECT 1 FROM job WHERE id = $1' };

/**
 * Where a deleted job's events end; null for a living one and where no job is asked for.
 *
 * @throws NotFoundError for one that never was, or whose events have been deleted too
 */
async function findDeletion(pool: Pool, jobId: string | null): Promise<EventPosition | null> {
  if (jobId === null) return null;
  if ((await query(pool, JOB, [jobId])).rowCount === 1) return null;
  const last = (await query<EventPosition & object>(pool, DELETION, [jobId])).rows[0];
  if (!last) throw new NotFoundError('job', jobId);
  return last;
}

async function explainReset(feed: Feed): Promise<UserError> {
  const message = 'The database has been replaced or restored.';
  return new CursorExpiredError(message, await findOldestCursor(feed.cursorContext()));
}

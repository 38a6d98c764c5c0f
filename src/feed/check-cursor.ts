import type { ClientBase, Pool } from 'pg';
import { CursorExpiredError } from '../domain/errors.ts';
import { query, type Statement } from '../store/database.ts';
import { EVENT_RETENTION_DAYS } from '../store/delete-old-events.ts';
import type { EventPosition } from '../store/store.ts';
import { type EventCursor, encodeCursor, type FeedIdentity, type LogCursor } from './cursor.ts';
import { comparePositions } from './position.ts';

/** A cursor ends an hour before events behind it may be deleted: clocks differ, and transactions take a moment. */
const CURSOR_LIFE_MS = EVENT_RETENTION_DAYS * 86_400_000 - 3_600_000;
/** So that the cursor to start over from does not end while it is on its way. */
const MINUTE_MS = 60_000;

const LOOK_UP: Statement = {
  name: 'feed-cursor',
  text: `SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xmax, job_id AS "jobId", at
    FROM (SELECT 1) AS one LEFT JOIN event ON event.xid = $1::xid8 AND event.id = $2`,
};
const OLDEST: Statement = {
  name: 'feed-oldest',
  text: 'SELECT xid::text AS xid, at FROM event WHERE at >= $1 ORDER BY event.xid, event.id LIMIT 1',
};

/**
 * Behind what has been deleted and what may be soon. The newest events of jobs that are still there count as such: the
 * job's next event makes them so.
 */
const DELETED: Statement = {
  name: 'feed-deleted',
  text: `SELECT deleted_xid::text AS xid, deleted_id AS id, deleted_offset AS offset, deleted_xid AS "order" FROM feed_epoch
    UNION ALL (
      SELECT xid::text, id, greatest(1, cardinality(task_ids)), xid FROM (SELECT * FROM event WHERE at < $1 OFFSET 0) AS old
      ORDER BY old.xid DESC, old.id DESC LIMIT 1
    ) ORDER BY "order" DESC, id DESC LIMIT 1`,
};

export interface CursorContext {
  readonly client: ClientBase | Pool;
  readonly identity: FeedIdentity;
  readonly now: Date;
  /** Where the feed ends, as far as this gateway knows. */
  readonly head: EventPosition;
}

/** A cursor of this database. */
export interface FoundCursor {
  readonly position: EventPosition;
  /** The job whose event it is behind; null where that is gone, and behind the end of the feed. */
  readonly jobId: string | null;
  /** Whether nothing behind it has been deleted, nor may be within the hour. */
  readonly isComplete: boolean;
}

/**
 * The position of a cursor from which nothing has been lost.
 *
 * @param jobId the job that the stream is about: its own newest event is kept as long as it lives
 * @throws CursorExpiredError for a cursor of another database, of another stream, or behind which events have been
 *   deleted, or may be within the hour
 */
export async function requirePosition(
  context: CursorContext,
  cursor: EventCursor | LogCursor,
  jobId: string | null,
): Promise<EventPosition> {
  const found = await findCursor(context, cursor);
  if (!isReadable(found, jobId)) throw await tooOld(context);
  return found.position;
}

/** @throws CursorExpiredError for a cursor of another database or of another stream */
export async function findCursor(context: CursorContext, cursor: EventCursor | LogCursor): Promise<FoundCursor> {
  const { client, identity, now } = context;
  if (cursor.stream !== 'events') throw await expired(context, 'The cursor is one of a log, not of the event feed.');
  if (cursor.epoch !== identity.epoch)
    throw await expired(context, 'The cursor is of another database, or of one that has been restored since.');
  const { position, seenAt } = cursor;
  const values = [position.xid, position.id];
  const found = (await query<{ xmax: string; jobId: string | null; at: Date | null }>(client, LOOK_UP, values))
    .rows[0]!;
  if (comparePositions({ ...position, xid: found.xmax, id: 0, offset: 0 }, position) <= 0)
    throw await expired(context, 'The cursor is of a later time than this database: it has been restored since.');
  const time = seenAt ?? found.at;
  const endOfLife = new Date(now.getTime() - CURSOR_LIFE_MS);
  const jobId = seenAt === null ? found.jobId : null;
  if (time !== null && time >= endOfLife) return { position, jobId, isComplete: true };
  // In a farm that was quiet, nothing may have been lost since.
  const deleted = (await query<EventPosition & object>(client, DELETED, [endOfLife])).rows[0]!;
  return { position, jobId, isComplete: comparePositions(position, deleted) >= 0 };
}

/** Whether a stream can go on from there; one about a job (null: about all), with its own newest event in any case. */
export function isReadable({ jobId: owner, isComplete }: FoundCursor, jobId: string | null): boolean {
  return isComplete || (jobId !== null && owner === jobId);
}

export function tooOld(context: CursorContext): Promise<CursorExpiredError> {
  return expired(context, `The cursor is too old: events are kept for ${EVENT_RETENTION_DAYS} days.`);
}

async function expired(context: CursorContext, message: string): Promise<CursorExpiredError> {
  return new CursorExpiredError(message, await findOldestCursor(context));
}

/** A cursor behind which everything is there that is not about to be deleted. */
export async function findOldestCursor({ client, identity, now, head }: CursorContext): Promise<string> {
  const since = new Date(now.getTime() - CURSOR_LIFE_MS + MINUTE_MS);
  const oldest = (await query<{ xid: string; at: Date }>(client, OLDEST, [since])).rows[0];
  return oldest
    ? encodeCursor(identity, { xid: oldest.xid, id: 0, offset: 0 }, oldest.at)
    : encodeCursor(identity, head, now);
}

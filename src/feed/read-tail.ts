import type { ClientBase } from 'pg';
import { query, type Statement } from '../store/database.ts';
import type { EventPosition } from '../store/store.ts';
import { EVENT_COLUMNS, type EventRow } from './event-row.ts';
import { BEGINNING } from './position.ts';

/** Rows that one reading takes: with a task each, what a thousand commits leave. */
const MAX_ROWS = 500;

/*
 * A transaction takes its xid when it first writes and its rows appear when it commits, so rows can appear before others
 * that are there already. Only below the oldest transaction that is still open nothing can appear any more: up to there
 * it is read, in the order (xid, id). Measured with 32 writers: `id > last` loses 14.7 % of the events, this none.
 */

/** One row at least: it says whether committed events are held back by an older transaction that is still open. */
const TAIL: Statement = {
  name: 'feed-tail',
  text: `SELECT EXISTS (SELECT FROM event WHERE event.xid >= horizon) AS "isHeldBack", news.*
    FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS horizon OFFSET 0) AS snapshot
    LEFT JOIN LATERAL (
      SELECT ${EVENT_COLUMNS}, 0 AS skipped, task_ids AS "taskIds", task_names AS "taskNames", attempt_numbers AS "attemptNumbers"
      FROM event WHERE (event.xid, event.id) > ($1::xid8, $2::bigint) AND event.xid < horizon
      ORDER BY event.xid, event.id LIMIT ${MAX_ROWS}
    ) AS news ON true`,
};

const END: Statement = {
  name: 'feed-end',
  text: `SELECT xid::text AS xid, id, greatest(1, cardinality(task_ids)) AS offset FROM event
    WHERE event.xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY event.xid DESC, event.id DESC LIMIT 1`,
};

export interface Tail {
  readonly rows: readonly EventRow[];
  /** Whether there is more to read at once. */
  readonly isFull: boolean;
  /** Whether there are committed events that may not be read yet. */
  readonly isHeldBack: boolean;
}

/** What has been added behind a position and may be handed on. */
export async function readTail(client: ClientBase, { xid, id }: EventPosition): Promise<Tail> {
  const { rows } = await query<EventRow & { isHeldBack: boolean }>(client, TAIL, [xid, id]);
  const isEmpty = rows[0]?.id === null;
  return { rows: isEmpty ? [] : rows, isFull: rows.length === MAX_ROWS, isHeldBack: rows[0]?.isHeldBack ?? false };
}

/** Where the feed ends at present. */
export async function readEnd(client: ClientBase): Promise<EventPosition> {
  return (await query<EventPosition & object>(client, END)).rows[0] ?? BEGINNING;
}

import type { ClientBase, Pool } from 'pg';
import { query, type Statement } from '../store/database.ts';
import type { EventPosition } from '../store/store.ts';
import { spread } from './change-batch.ts';
import type { ChangeFilter } from './change-filter.ts';
import { EVENT_COLUMNS, type EventRow, positionOf, type StatusChange } from './event-row.ts';

/*
 * Reads the log from any position. Rows may hold thousands of changes; only those that are asked for leave the database:
 * a running sum over the rows of the page says which, and the arrays are cut there.
 */

/** $1 xid, $2 id, $3 offset, $4 how many changes, $5 and $6 the last row (or null), then the filter. */
function pageOf(source: string, filter: string): string {
  return `SELECT ${EVENT_COLUMNS}, skip AS skipped, task_ids[skip + 1:skip + $4::integer] AS "taskIds",
      task_names[skip + 1:skip + $4::integer] AS "taskNames", attempt_numbers[skip + 1:skip + $4::integer] AS "attemptNumbers"
    FROM (
      SELECT *, sum(changes - skip) OVER (ORDER BY page.xid, page.id) - (changes - skip) AS before
      FROM (
        SELECT *, greatest(1, cardinality(task_ids)) AS changes, CASE WHEN (log.xid, log.id) = ($1::xid8, $2::bigint) THEN $3::integer ELSE 0 END AS skip
        FROM ${source}
        WHERE (log.xid, log.id) >= ($1::xid8, $2::bigint) AND log.xid < pg_snapshot_xmin(pg_current_snapshot())
          AND ($5::xid8 IS NULL OR (log.xid, log.id) <= ($5::xid8, $6::bigint))
          AND ${filter}
        ORDER BY log.xid, log.id LIMIT $4::integer + 1
      ) AS page
    ) AS counted
    WHERE skip < changes AND before < $4::integer ORDER BY counted.xid, counted.id`;
}

const OF_ALL: Statement = {
  name: 'feed-page',
  text: pageOf(
    'event AS log',
    `($7::text IS NULL OR submitter = $7) AND ($8::text[] IS NULL OR job_type = ANY($8)) AND (NOT $9::boolean OR kind <> 'task')`,
  ),
};
/** Each job's rows first, whatever the planner thinks of LIMIT: walking the whole feed for them would take seconds. */
const OF_JOBS: Statement = {
  name: 'feed-page-of-jobs',
  text: `SELECT page.* FROM unnest($10::uuid[]) AS wanted(id) CROSS JOIN LATERAL (${pageOf(
    '(SELECT * FROM event WHERE job_id = wanted.id OFFSET 0) AS log',
    `(kind = 'deletion' OR ($7::text IS NULL OR submitter = $7) AND ($8::text[] IS NULL OR job_type = ANY($8)) AND (NOT $9::boolean OR kind <> 'task'))`,
  )}) AS page ORDER BY page."jobId", page."firstSequence"`,
};

export interface ChangesQuery {
  readonly filter: ChangeFilter;
  readonly after: EventPosition;
  /** How many changes at most. */
  readonly first: number;
  /** The last position that may be read; null for as far as the feed goes. */
  readonly until: EventPosition | null;
}

export interface ReadChanges {
  readonly changes: readonly StatusChange[];
  /** Behind the last change; null when there is none. */
  readonly position: EventPosition | null;
  /** Whether it was read to its end, or to `until`. */
  readonly isEnd: boolean;
}

export async function readChanges(client: ClientBase | Pool, wish: ChangesQuery): Promise<ReadChanges> {
  const { jobId } = wish.filter;
  if (jobId !== null) return (await readChangesOfJobs(client, wish, [jobId])).get(jobId)!;
  return cut((await query<EventRow & object>(client, OF_ALL, valuesOf(wish))).rows, wish.first);
}

/** The same for each of many jobs, in one statement. */
export async function readChangesOfJobs(
  client: ClientBase | Pool,
  wish: ChangesQuery,
  jobIds: readonly string[],
): Promise<Map<string, ReadChanges>> {
  const { rows } = await query<EventRow & object>(client, OF_JOBS, [...valuesOf(wish), jobIds]);
  const ofJob = Map.groupBy(rows, (row) => row.jobId);
  return new Map(jobIds.map((id) => [id, cut(ofJob.get(id) ?? [], wish.first)]));
}

/** One change more than is asked for, so that the end is known. */
function valuesOf({ filter, after, first, until }: ChangesQuery): unknown[] {
  const { submitter, jobTypes, jobsOnly } = filter;
  return [after.xid, after.id, after.offset, first + 1, until?.xid, until?.id, submitter, jobTypes, jobsOnly];
}

function cut(rows: readonly EventRow[], first: number): ReadChanges {
  const found: StatusChange[] = [];
  for (const row of rows) spread(row, row.skipped, first + 1 - found.length, found);
  const changes = found.slice(0, first);
  const last = changes.at(-1);
  return { changes, position: last ? positionOf(last) : null, isEnd: found.length <= first };
}

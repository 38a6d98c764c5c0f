import type { Pool, QueryResultRow } from 'pg';
import { Prisma } from '../generated/prisma/client.ts';

/** A page of a list: between two places of it, from the front or from the back. A place is the sort columns' values. */
export interface PageWindow {
  readonly after: readonly SortValue[] | null;
  readonly before: readonly SortValue[] | null;
  readonly isBackward: boolean;
  /** How many rows at most. */
  readonly take: number;
}
export type SortValue = string | number;

export type SortDirection = 'asc' | 'desc';

export interface SortColumn {
  readonly name: string;
  /** What a row that was read calls it. */
  readonly property: string;
  readonly type: 'integer' | 'text' | 'timestamptz' | 'uuid';
}

/** What a list is ordered by; the last column is unique, so that a place stays one place whatever happens to rows. */
export interface SortOrder {
  readonly columns: readonly SortColumn[];
  readonly direction: SortDirection;
}

/**
 * The rows of a window, as a condition. One comparison of whole rows, which an index on the columns answers by going
 * straight to the place; spelled out (a > x OR a = x AND b > y) it would walk there from the beginning.
 */
export function isWithin({ columns, direction }: SortOrder, { after, before }: PageWindow): Prisma.Sql {
  const names = list(columns.map(({ name }) => name));
  const beyond = (place: readonly SortValue[], isRising: boolean) =>
    Prisma.sql`(${names}) ${Prisma.raw(isRising ? '>' : '<')} (${Prisma.join(place.map((value, at) => typed(value, columns[at]!)))})`;
  const isRising = direction === 'asc';
  return all([...(after ? [beyond(after, isRising)] : []), ...(before ? [beyond(before, !isRising)] : [])]);
}

/** ORDER BY and LIMIT of a window: from the back, the last row comes first. */
export function inOrder({ columns, direction }: SortOrder, { isBackward, take }: PageWindow): Prisma.Sql {
  const word = (direction === 'asc') === isBackward ? 'DESC' : 'ASC';
  return Prisma.sql`ORDER BY ${list(columns.map(({ name }) => `${name} ${word}`))} LIMIT ${take}`;
}

/**
 * A window of the rows that have these values, as WHERE … LIMIT: those that an index over the values' columns and the sort
 * columns has beside each other. Written as a range of that index and sorted by all of its columns, since the planner may
 * do something else with `status = 'failed' … ORDER BY index`: it went through all 50,000 tasks of a job for the three
 * that had failed. The first of the values' columns must be one that no other index begins with, but for what the
 * conditions hold equal.
 */
export function alongIndex(
  values: Readonly<Record<string, Prisma.Sql>>,
  { columns }: SortOrder,
  { after, before, isBackward, take }: PageWindow,
  conditions: readonly Prisma.Sql[] = [],
): Prisma.Sql {
  const names = Object.keys(values);
  const places = [...names, ...columns.map(({ name }) => name)];
  const bound = (place: readonly SortValue[] | null, operator: '>' | '<') => {
    const given = (place ?? []).map((value, at) => typed(value, columns[at]!));
    const compared = places.slice(0, names.length + given.length);
    return Prisma.sql`(${list(compared)}) ${Prisma.raw(place ? operator : `${operator}=`)} (${Prisma.join([...Object.values(values), ...given])})`;
  };
  const order = list(places.map((name) => `${name} ${isBackward ? 'DESC' : 'ASC'}`));
  return Prisma.sql`WHERE ${all([bound(after, '>'), bound(before, '<'), ...conditions])} ORDER BY ${order} LIMIT ${take}`;
}

function typed(value: SortValue, { type }: SortColumn): Prisma.Sql {
  return Prisma.sql`${value}${Prisma.raw(`::${type}`)}`;
}

/** Names of ours, never values. */
function list(names: readonly string[]): Prisma.Sql {
  return Prisma.raw(names.join(', '));
}

/** All of the conditions; true when there is none. */
export function all(conditions: readonly Prisma.Sql[]): Prisma.Sql {
  return conditions.length === 0 ? Prisma.sql`true` : Prisma.join(conditions, ' AND ');
}

/** Runs a statement that was put together: unnamed, so that it is planned for its values. */
export async function run<Row extends QueryResultRow>(pool: Pool, { text, values }: Prisma.Sql): Promise<Row[]> {
  return (await pool.query<Row>(text, values)).rows;
}

/**
 * A window of the children of each of many parents, in one statement that reads no more than the pages have.
 *
 * @param page a SELECT with an `id`, and with the parent's as `parent.id`; in order, and as many as the window has
 * @returns the children's ids in order, by their parent's
 */
export async function readPages(
  pool: Pool,
  parentIds: readonly string[],
  page: Prisma.Sql,
): Promise<Map<string, string[]>> {
  const rows = await run<{ parentId: string; id: string }>(
    pool,
    Prisma.sql`SELECT parent.id AS "parentId", child.id
      FROM unnest(${parentIds}::uuid[]) AS parent(id)
      CROSS JOIN LATERAL (SELECT id, row_number() OVER () AS place FROM (${page}) AS page) AS child
      ORDER BY child.place`,
  );
  const pages = new Map<string, string[]>(parentIds.map((id) => [id, []]));
  for (const { parentId, id } of rows) pages.get(parentId)!.push(id);
  return pages;
}

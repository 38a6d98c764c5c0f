import type { JobStatus } from '../domain/job-status.ts';
import { Prisma } from '../generated/prisma/client.ts';
import {
  all,
  inOrder,
  isWithin,
  type PageWindow,
  run,
  type SortColumn,
  type SortDirection,
  type SortOrder,
} from './page-window.ts';
import type { Store } from './store.ts';

/** Which jobs: those for which everything that is given holds. */
export interface JobFilter {
  readonly statuses?: readonly JobStatus[] | null;
  readonly types?: readonly string[] | null;
  readonly submitter?: string | null;
  readonly nameContains?: string | null;
  readonly metadata?: readonly { readonly key: string; readonly value: string }[] | null;
  readonly createdAfter?: Date | null;
  readonly createdBefore?: Date | null;
}

// biome-ignore format: one column per line
const COLUMNS = {
  createdAt: { name: 'created_at', property: 'createdAt', type: 'timestamptz' },
  updatedAt: { name: 'updated_at', property: 'updatedAt', type: 'timestamptz' },
  priority:  { name: 'priority',   property: 'priority',  type: 'integer' },
  name:      { name: 'name',       property: 'name',      type: 'text' },
  status:    { name: 'status',     property: 'status',    type: 'text' },
} as const satisfies Record<string, SortColumn>;
export type JobSortKey = keyof typeof COLUMNS;

/** Equal ones follow by their ids, which rise with time. */
export function orderOfJobs(key: JobSortKey, direction: SortDirection): SortOrder {
  return { columns: [COLUMNS[key], { name: 'id', property: 'id', type: 'uuid' }], direction };
}

/** Ids of a page of jobs. */
export async function listJobs(
  { pool }: Store,
  filter: JobFilter,
  order: SortOrder,
  window: PageWindow,
): Promise<string[]> {
  const rows = await run<{ id: string }>(
    pool,
    Prisma.sql`SELECT id FROM job WHERE ${fits(filter)} AND ${isWithin(order, window)} ${inOrder(order, window)}`,
  );
  return rows.map(({ id }) => id);
}

export async function countJobs({ pool }: Store, filter: JobFilter): Promise<number> {
  const rows = await run<{ count: string }>(pool, Prisma.sql`SELECT count(*) FROM job WHERE ${fits(filter)}`);
  return Number(rows[0]!.count);
}

function fits(filter: JobFilter): Prisma.Sql {
  const { statuses, types, submitter, nameContains, metadata, createdAfter, createdBefore } = filter;
  return all([
    ...(statuses ? [Prisma.sql`status = ANY(${statuses}::text[])`] : []),
    ...(types ? [Prisma.sql`type = ANY(${types}::text[])`] : []),
    ...(submitter != null ? [Prisma.sql`submitter = ${submitter}`] : []),
    // Not LIKE: what is searched for may hold % and _.
    ...(nameContains != null ? [Prisma.sql`strpos(lower(name), lower(${nameContains})) > 0`] : []),
    ...(metadata ?? []).map(hasMetadata),
    ...(createdAfter ? [Prisma.sql`created_at > ${createdAfter}`] : []),
    ...(createdBefore ? [Prisma.sql`created_at < ${createdBefore}`] : []),
  ]);
}

/** A text with this value; or a number, true or false that is written so. The index answers both. */
function hasMetadata({ key, value }: { readonly key: string; readonly value: string }): Prisma.Sql {
  const contains = (given: unknown) => Prisma.sql`metadata @> ${JSON.stringify({ [key]: given })}::jsonb`;
  return isJsonNumberOrBoolean(value)
    ? Prisma.sql`(${contains(value)} OR ${contains(JSON.parse(value))})`
    : contains(value);
}

function isJsonNumberOrBoolean(text: string): boolean {
  return /^(true|false|-?(0|[1-9]\d{0,14})(\.\d{1,9})?)$/.test(text);
}

import fc from 'fast-check';
import type { Pool } from 'pg';
import { v7 as newId } from 'uuid';
import { encodeId } from '../../src/graphql/global-id.ts';

/** Jobs as they are stored, without tasks, and a plain sort of them: what pages of jobs are held against. */

export interface StoredJob {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly priority: number;
  readonly submitter: string;
  readonly metadata: Record<string, unknown>;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export const START = Date.parse('2026-01-01T12:00:00Z');

export const STATUSES = ['queued', 'active', 'completed', 'failed', 'canceled'];
export const TYPES = ['simple-blender-render', 'echo-sleep-test', 'gone'];
export const SUBMITTERS = ['ann', 'Ann', 'bob', "o'neil", '%'];
/** With what LIKE and text compared by rules would trip over, and few enough that names repeat. */
const NAMES = [
  'shot_010',
  'shot%010',
  'Shot 10',
  'SHOT_010',
  'shotx010',
  'naïve',
  'NAÏVE',
  'ß',
  '鏡 a',
  '\\',
  "'; --",
  ' ',
];
const METADATA = [
  { shot: '010' },
  { shot: 10 },
  { shot: '10', take: 'a' },
  { take: 'a', final: true },
  { final: 'true' },
  { shot: null },
  { shot: ['010'] },
  { nested: { shot: '010' } },
  {},
];
export const time = fc.integer({ min: 0, max: 20 }).map((minutes) => START + minutes * 60_000);

/** Few values, so that there is much that is equal. */
const job: fc.Arbitrary<Omit<StoredJob, 'id'>> = fc.record({
  name: fc.constantFrom(...NAMES),
  type: fc.constantFrom(...TYPES),
  status: fc.constantFrom(...STATUSES),
  priority: fc.constantFrom(0, 50, 51, 100),
  submitter: fc.constantFrom(...SUBMITTERS),
  metadata: fc.constantFrom(...METADATA),
  createdAt: time,
  updatedAt: time,
});

/** So many jobs with ids of their own, stored. */
export async function storeJobs(pool: Pool, count: number, seed: number): Promise<StoredJob[]> {
  const jobs = fc.sample(job, { numRuns: count, seed }).map((each) => ({ ...each, id: newId() }));
  await insertJobs(pool, jobs);
  return jobs;
}

async function insertJobs(pool: Pool, rows: readonly StoredJob[]): Promise<void> {
  await pool.query(
    `INSERT INTO job (id, name, type, job_type_version, status, status_reason, priority, max_attempts, failure_limit_percent, submitter, settings, metadata,
       files, input_hash, created_at, updated_at)
     SELECT id, name, type, '1.0.0', status, 'SUBMITTED', priority, 3, 10, submitter, '{}', metadata, '[]', '',
       to_timestamp("createdAt" / 1000.0), to_timestamp("updatedAt" / 1000.0)
     FROM json_to_recordset($1) AS c(id uuid, name text, type text, status text, priority integer, submitter text, metadata jsonb, "createdAt" bigint, "updatedAt" bigint)`,
    [JSON.stringify(rows)],
  );
}

// biome-ignore format: one order per line
export const ORDERS: Record<string, (job: StoredJob) => number | string> = {
  CREATED_AT: ({ createdAt }) => createdAt,
  UPDATED_AT: ({ updatedAt }) => updatedAt,
  PRIORITY:   ({ priority }) => priority,
  NAME:       ({ name }) => name,
  STATUS:     ({ status }) => status,
};
export const DIRECTIONS = ['ASC', 'DESC'];

/** By code points, as the database's own locale does. */
function compare(a: number | string, b: number | string): number {
  return typeof a === 'number' ? a - Number(b) : Buffer.compare(Buffer.from(a), Buffer.from(String(b)));
}

/** Their global ids, equal ones by their stored ids. */
export function sortJobs(rows: readonly StoredJob[], field: string, direction: string): string[] {
  const key = ORDERS[field]!;
  const rising = rows.toSorted((a, b) => compare(key(a), key(b)) || compare(a.id, b.id));
  return (direction === 'ASC' ? rising : rising.reverse()).map(({ id }) => encodeId('Job', id));
}

import type { ClientBase } from 'pg';
import { query, type Statement } from './database.ts';

/*
 * The lock order (design: storage): the advisory locks of all jobs concerned are a transaction's first statement. Only so
 * is the order of transaction ids the order of each job's sequence. Rows are no substitute: `FOR UPDATE` on the job broke
 * that order at 37–44 % of the events with 16 writers.
 */

/** The sort is in a subquery that cannot be merged into the outer one: the locks are taken row by row behind it. */
const LOCK: Statement = {
  name: 'lock-jobs',
  text: `SELECT pg_advisory_xact_lock(key)
           FROM (SELECT key FROM unnest($1::bigint[]) AS key ORDER BY key OFFSET 0) AS sorted`,
};

const TRY_LOCK: Statement = {
  name: 'try-lock-jobs',
  text: 'SELECT id FROM unnest($1::text[], $2::bigint[]) AS job (id, key) WHERE pg_try_advisory_xact_lock(key)',
};

/** Waits until this transaction alone holds the jobs. The same order for everyone is what keeps them from deadlock. */
export async function lockJobs(client: ClientBase, jobIds: Iterable<string>): Promise<void> {
  const keys = [...new Set(jobIds)].map((id) => String(jobLockKey(id)));
  if (keys.length > 0) await query(client, LOCK, [keys]);
}

/** Locks those that nobody else holds, without waiting, and returns them. */
export async function tryLockJobs(client: ClientBase, jobIds: Iterable<string>): Promise<Set<string>> {
  const ids = [...new Set(jobIds)];
  if (ids.length === 0) return new Set();
  const { rows } = await query<{ id: string }>(client, TRY_LOCK, [ids, ids.map((id) => String(jobLockKey(id)))]);
  return new Set(rows.map(({ id }) => id));
}

/**
 * The advisory lock of a job: both halves of its uuid, folded into a signed 64-bit integer. Two jobs that meet in one
 * only wait for each other.
 */
export function jobLockKey(id: string): bigint {
  const hex = id.replaceAll('-', '');
  if (!/^[0-9a-f]{32}$/i.test(hex)) throw new TypeError(`"${id}" is not a uuid.`);
  return BigInt.asIntN(64, BigInt(`0x${hex.slice(0, 16)}`) ^ BigInt(`0x${hex.slice(16)}`));
}

/** A job that is not locked turned out to be concerned: something happened between the look and the locks. */
export class MissedJob extends Error {}
const TRIES = 5;

/** Runs a transaction that looks first, then locks what it saw, then looks again; anew when it missed a job. */
export async function untilNoJobIsMissed<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof MissedJob) || attempt === TRIES) throw error;
    }
  }
}

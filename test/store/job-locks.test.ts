import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/store/database.ts';
import { jobLockKey, lockJobs, tryLockJobs } from '../../src/store/job-locks.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/processes.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Ids of jobs in the order of their keys, negative ones first. */
function makeJobs(count: number): string[] {
  const compare = (a: string, b: string) => (jobLockKey(a) < jobLockKey(b) ? -1 : 1);
  return Array.from({ length: count }, () => randomUUID()).sort(compare);
}

describe('jobLockKey', () => {
  it('folds the halves of the uuid into a signed 64-bit integer', () => {
    expect(jobLockKey('00000000-0000-0000-0000-000000000001')).toBe(1n);
    expect(jobLockKey('00000000-0000-0001-0000-000000000001')).toBe(0n);
    expect(jobLockKey('80000000-0000-0000-0000-000000000000')).toBe(-(2n ** 63n));
    expect(jobLockKey('FFFFFFFF-FFFF-FFFF-0000-000000000000')).toBe(-1n);
  });

  it('refuses what is not a uuid', () => {
    expect(() => jobLockKey('shot_010')).toThrow('"shot_010" is not a uuid.');
  });
});

describe('lockJobs', () => {
  it('takes the locks in the order of the keys, whatever the order of the ids', async () => {
    const jobs = makeJobs(5);
    const blocker = new Client(database.config);
    await blocker.connect();
    await blocker.query('SELECT pg_advisory_lock($1)', [String(jobLockKey(jobs[2]!))]);

    const shuffled = [jobs[4], jobs[0], jobs[2], jobs[3], jobs[1]] as string[];
    let pid = 0;
    const waiting = inTransaction(database.pool, async (client) => {
      pid = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
      await lockJobs(client, shuffled);
      return readLocks(pid);
    });
    await until(async () => pid > 0 && (await readLocks(pid)).waiting.length > 0);
    // It waits for the third and has not touched what comes after: two that do so cannot hold what the other one needs.
    expect(await readLocks(pid)).toEqual({ held: jobs.slice(0, 2).map(jobLockKey), waiting: [jobLockKey(jobs[2]!)] });

    await blocker.end();
    expect(await waiting).toEqual({ held: jobs.map(jobLockKey), waiting: [] });
    expect(await readLocks(pid)).toEqual({ held: [], waiting: [] });
  });

  it('lets transactions with the same jobs in any order pass one after another, without a deadlock', async () => {
    const jobs = makeJobs(20);
    let inside = 0;
    let runs = 0;
    const work = async (_: unknown, index: number) =>
      inTransaction(database.pool, async (client) => {
        runs++;
        await lockJobs(client, [...jobs.slice(index), ...jobs.slice(0, index)].reverse());
        expect(++inside).toBe(1);
        await client.query('SELECT 1');
        inside--;
      });
    await Promise.all(Array.from({ length: 40 }, (_, index) => work(_, index % jobs.length)));
    expect(runs).toBe(40);
  });

  it('asks the database nothing when there is no job', async () => {
    await inTransaction(database.pool, (client) => lockJobs(client, []));
  });
});

describe('tryLockJobs', () => {
  it('locks those that nobody else holds, and says which', async () => {
    const [mine, taken, alsoMine] = makeJobs(3) as [string, string, string];
    await inTransaction(database.pool, async (other) => {
      await lockJobs(other, [taken]);
      await inTransaction(database.pool, async (client) => {
        expect(await tryLockJobs(client, [alsoMine, taken, mine, mine])).toEqual(new Set([mine, alsoMine]));
        expect(await tryLockJobs(other, [mine])).toEqual(new Set());
        expect(await tryLockJobs(client, [])).toEqual(new Set());
      });
      expect(await tryLockJobs(other, [mine])).toEqual(new Set([mine]));
    });
  });
});

async function readLocks(pid: number): Promise<{ held: bigint[]; waiting: bigint[] }> {
  const { rows } = await database.pool.query<{ key: string; granted: boolean }>(
    `SELECT (classid::bigint << 32 | objid::bigint)::text AS key, granted
       FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND pid = $1
      ORDER BY classid::bigint << 32 | objid::bigint`,
    [pid],
  );
  const keysOf = (granted: boolean) => rows.filter((row) => row.granted === granted).map(({ key }) => BigInt(key));
  return { held: keysOf(true), waiting: keysOf(false) };
}

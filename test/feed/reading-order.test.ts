import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EventRow, endOf } from '../../src/feed/event-row.ts';
import { BEGINNING } from '../../src/feed/position.ts';
import { readTail } from '../../src/feed/read-tail.ts';
import { lockJobs } from '../../src/store/job-locks.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/processes.ts';

/*
 * Why the feed is read as it is, and why a transaction locks its jobs before it does anything else. Nothing here depends on
 * luck: one transaction is held open while another one commits.
 */

let database: TestDatabase;
let [first, second, reader]: Client[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.pool.query('TRUNCATE event, job CASCADE');
  const clients = [1, 2, 3].map(() => new Client(database.config));
  for (const client of clients) await client.connect();
  [first, second, reader] = clients;
});
afterEach(async () => {
  for (const client of [first, second, reader]) await client!.end();
});

describe('a change that was made first and committed last', () => {
  const jobId = randomUUID();
  const naive = async (last: number) => {
    const { rows } = await reader!.query<{ id: string }>('SELECT id FROM event WHERE id > $1 ORDER BY id', [last]);
    return rows.map(({ id }) => Number(id));
  };

  it('is lost to a reader of `id > last`, and reaches a reader below the oldest open transaction', async () => {
    const { rows: tail } = await readTail(reader!, BEGINNING);
    expect(tail).toEqual([]);

    await first!.query('BEGIN');
    const early = await insertEvent(first!, jobId, 1);
    const late = await insertEvent(second!, randomUUID(), 1); // committed at once

    expect(await naive(0)).toEqual([late]);
    expect(await readTail(reader!, BEGINNING)).toMatchObject({ rows: [], isHeldBack: true });

    await first!.query('COMMIT');
    expect(early).toBeLessThan(late);
    expect(await naive(late), 'the first one, which is in the table now').toEqual([]);

    await untilNothingIsOpen();
    const { rows } = await readTail(reader!, BEGINNING);
    expect(rows.map(({ id }) => id)).toEqual([early, late]);
  });
});

describe('two transactions that change one job, the first of which has locked another one before', () => {
  let [other, shared]: string[] = [];
  beforeEach(async () => {
    [other, shared] = [randomUUID(), randomUUID()];
    for (const id of [other, shared]) await insertJob(reader!, id!);
  });

  /** `first` has locked the other job and waits for the shared one, which `second` has locked, changes and commits. */
  async function race(lock: (client: Client, jobId: string) => Promise<unknown>): Promise<EventRow[]> {
    await first!.query('BEGIN');
    await lock(first!, other!);
    await second!.query('BEGIN');
    await lock(second!, shared!);
    const isDone = lock(first!, shared!).then(async () => {
      await change(first!, shared!);
      await first!.query('COMMIT');
    });
    await untilWaiting();
    await change(second!, shared!);
    await second!.query('COMMIT');
    await isDone;
    await untilNothingIsOpen();
    return [...(await readTail(reader!, BEGINNING)).rows];
  }

  it('swaps them for every reader when a job’s row is the lock: locking a row takes a transaction id', async () => {
    const rows = await race((client, id) => client.query('SELECT FROM job WHERE id = $1 FOR UPDATE', [id]));
    expect(rows.map(({ firstSequence }) => firstSequence)).toEqual([2, 1]);
  });

  it('leaves them in their order when jobs are locked by advisory locks, before anything is written', async () => {
    const rows = await race((client, id) => lockJobs(client, [id]));
    expect(rows.map(({ firstSequence }) => firstSequence)).toEqual([1, 2]);
    expect(await readTail(reader!, endOf(rows[0]!))).toMatchObject({ rows: [{ firstSequence: 2 }] });
  });

  /** Takes the job's next number, as every verb of the store does. */
  async function change(client: Client, id: string): Promise<void> {
    const { rows } = await client.query<{ sequence: number }>(
      'UPDATE job SET sequence = sequence + 1 WHERE id = $1 RETURNING sequence',
      [id],
    );
    await insertEvent(client, id, rows[0]!.sequence);
  }

  async function untilWaiting(): Promise<void> {
    await until(async () => {
      const { rows } = await reader!.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    });
  }
});

/** Other test files write on the same server, and an open transaction holds back every database's readers. */
async function untilNothingIsOpen(): Promise<void> {
  await until(async () => !(await readTail(reader!, BEGINNING)).isHeldBack);
}

async function insertEvent(client: Client, jobId: string, sequence: number): Promise<number> {
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO event (job_id, job_type, submitter, at, actor, reason, kind, from_status, to_status, first_sequence)
     VALUES ($1, 'plain', 'test', now(), 'test', 'USER', 'job', 'queued', 'active', $2) RETURNING id`,
    [jobId, sequence],
  );
  return Number(rows[0]!.id);
}

async function insertJob(client: Client, id: string): Promise<void> {
  await client.query(
    `INSERT INTO job (id, name, type, job_type_version, status, status_reason, priority, max_attempts, failure_limit_percent, submitter,
       settings, metadata, files, input_hash, created_at, updated_at)
     VALUES ($1, 'job', 'plain', '1', 'queued', 'SUBMITTED', 50, 3, 10, 'test', '{}', '{}', '[]', '', now(), now())`,
    [id],
  );
}

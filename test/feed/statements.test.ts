import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { NO_FILTER } from '../../src/feed/change-filter.ts';
import { findOldestCursor, requirePosition } from '../../src/feed/check-cursor.ts';
import { Feed } from '../../src/feed/feed.ts';
import { findAttemptOfTask, findLoggedAttempt, findLogStart, readLogBytes } from '../../src/feed/log-bytes.ts';
import { BEGINNING } from '../../src/feed/position.ts';
import { readChanges } from '../../src/feed/read-changes.ts';
import { readEnd, readTail } from '../../src/feed/read-tail.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestStore } from '../support/test-store.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('every statement of the feed finds what it reads by an index, however long the log is', async () => {
  const client = await database.pool.connect();
  const feed = new Feed({ store: createTestStore(database), logger: pino({ level: 'silent' }) });
  await feed.start();
  const asked = vi.spyOn(client, 'query');
  const id = randomUUID();
  const attempt = { id, taskId: id, jobId: id, number: 1, startedAt: new Date(), endedAt: null, logBytes: 10 };
  const context = { ...feed.cursorContext(), client };
  await readTail(client, BEGINNING);
  await readEnd(client);
  for (const jobId of [null, id])
    await readChanges(client, { filter: { ...NO_FILTER, jobId }, after: BEGINNING, first: 10, until: null });
  for (const seenAt of [new Date(), new Date(0)])
    await requirePosition(context, { stream: 'events', epoch: feed.epoch, position: BEGINNING, seenAt }, null);
  await findOldestCursor(context);
  await findLoggedAttempt(client, id);
  await findAttemptOfTask(client, id, null);
  await findLogStart(client, attempt);
  await readLogBytes(client, attempt, 0, 10);
  const statements = asked.mock.calls.map(([statement]) => statement as unknown as { name: string; text: string });
  asked.mockRestore();
  expect(statements).toHaveLength(12);

  await client.query('SET enable_seqscan = off');
  for (const { name, text } of statements) {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN (GENERIC_PLAN) ${text}`);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan, name).not.toMatch(/Seq Scan on (event|attempt|task)/);
    // A job's own index: to go through the whole feed for a few rows would take seconds.
    if (name === 'feed-page-of-jobs') expect(plan).toContain('event_job_id_first_sequence_idx');
  }
  client.release();
  await feed.stop();
});

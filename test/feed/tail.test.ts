import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ChangeBatch } from '../../src/feed/change-batch.ts';
import { NO_FILTER } from '../../src/feed/change-filter.ts';
import { decodeCursor, type EventCursor } from '../../src/feed/cursor.ts';
import { Feed } from '../../src/feed/feed.ts';
import { type ChangeEvent, followChanges, readOnce } from '../../src/feed/follow-changes.ts';
import type { Store } from '../../src/store/store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { createTestStore } from '../support/test-store.ts';

let database: TestDatabase;
let store: Store;
let feed: Feed;
let stop: AbortController;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  store = createTestStore(database, { announce: (change) => feed.wake(change) });
  feed = new Feed({ store, logger: pino({ level: 'silent' }) });
  await feed.start();
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await feed.stop();
});

function open(): AsyncIterator<ChangeEvent> {
  return followChanges(feed, { filter: NO_FILTER, after: null, startAt: 'NOW' }, stop.signal);
}

async function nextBatch(stream: AsyncIterator<ChangeEvent>): Promise<ChangeBatch> {
  const { value } = await stream.next();
  if (!value || !('changes' in value)) throw new Error(`No batch: ${value?.message}`);
  return value;
}

async function nextChanges(stream: AsyncIterator<ChangeEvent>): Promise<string[]> {
  return (await nextBatch(stream)).changes.map(({ row }) => row.jobId);
}

/** What the feed's own connection does when the database goes away. */
async function breakConnection(): Promise<void> {
  await database.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tablao feed'`,
  );
}

it('what an open transaction holds back comes as soon as that has ended, without another word', async () => {
  const stream = open();
  await nextBatch(stream);
  const other = new Client(database.config);
  await other.connect();
  await other.query('BEGIN');
  await other.query('SELECT pg_current_xact_id()');

  const jobId = await submitPlainJob(store, 1);
  await expect.poll(() => feed.behindMs).toBeGreaterThan(20);
  const next = nextChanges(stream);
  await other.query('ROLLBACK');
  expect(await next).toEqual([jobId, jobId]);
  await expect.poll(() => feed.behindMs).toBe(0);
  await other.end();
});

it('goes on where it was after its connection was lost', async () => {
  const stream = open();
  await nextBatch(stream);
  const first = await submitPlainJob(store, 1);
  expect(await nextChanges(stream)).toEqual([first, first]);
  await breakConnection();
  const second = await submitPlainJob(store, 1);
  expect(await nextChanges(stream)).toEqual([second, second]);
});

it('ends its streams when the database it comes back to has another history, and says where to start over', async () => {
  const stream = open();
  const { position } = await nextBatch(stream);
  const old = decodeCursor(feed.headCursor()) as EventCursor;
  await database.pool.query('UPDATE feed_epoch SET epoch = gen_random_uuid()');
  await breakConnection();
  const { value } = await stream.next();
  expect(value).toMatchObject({ code: 'CURSOR_EXPIRED' });
  expect(await stream.next()).toEqual({ done: true, value: undefined });

  const refused = readOnce(feed, { filter: NO_FILTER, after: old, startAt: 'NOW' }, 10);
  await expect(refused).rejects.toMatchObject({ code: 'CURSOR_EXPIRED' });
  expect(position).toEqual(old.position);
  const jobId = await submitPlainJob(store, 1);
  const { oldestCursor } = value as unknown as { oldestCursor: string };
  const again = followChanges(
    feed,
    { filter: { ...NO_FILTER, jobId }, after: decodeCursor(oldestCursor), startAt: 'NOW' },
    stop.signal,
  );
  expect(await nextChanges(again)).toEqual([jobId, jobId]);
});

it('ends its streams when it stops', async () => {
  const stream = open();
  await nextBatch(stream);
  const next = stream.next();
  await feed.stop();
  expect(await next).toEqual({ done: true, value: undefined });
  await expect(feed.catchUp()).rejects.toThrow('The feed has been stopped.');
});

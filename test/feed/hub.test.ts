import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ChangeBatch } from '../../src/feed/change-batch.ts';
import { NO_FILTER } from '../../src/feed/change-filter.ts';
import { type EventRow, endOf } from '../../src/feed/event-row.ts';
import { ChangeHub, type ChangeReader, type Delivery } from '../../src/feed/hub.ts';
import { BEGINNING } from '../../src/feed/position.ts';

const OPTIONS = { recentChanges: 100, bookmarkMs: 60_000, now: () => new Date(0) };
let id = 0;

function rowOf(change: Partial<EventRow> = {}, tasks = 0): EventRow {
  id += 1;
  return {
    xid: String(1_000 + id),
    id,
    jobId: 'job',
    jobType: 'plain',
    submitter: 'test',
    at: new Date(0),
    actor: 'test',
    reason: 'USER',
    message: null,
    kind: tasks > 0 ? 'task' : 'job',
    from: 'queued',
    to: 'active',
    firstSequence: id,
    changeCount: Math.max(1, tasks),
    skipped: 0,
    taskIds: Array.from({ length: tasks }, () => randomUUID()),
    taskNames: Array(tasks).fill('task'),
    attemptNumbers: Array(tasks).fill(0),
    ...change,
  };
}

function batchOf(delivery: Delivery): ChangeBatch {
  if (typeof delivery === 'string') throw new Error(delivery);
  return delivery;
}

describe('the hub', () => {
  it('gives readers at the same position the same batch, so that what is made of it is made once', async () => {
    const hub = new ChangeHub(BEGINNING, OPTIONS);
    const readers = Array.from({ length: 5 }, () => hub.open(NO_FILTER));
    const waiting = readers.map((reader) => reader.next(BEGINNING));
    hub.add([rowOf(), rowOf()]);
    const [first, ...others] = await Promise.all(waiting);
    expect(batchOf(first!).changes).toHaveLength(2);
    for (const other of others) expect(other).toBe(first);
    expect(await hub.open(NO_FILTER).next(BEGINNING), 'somebody who comes later').toBe(first);
  });

  it('gives readers that differ only in what was left out the same batch too', async () => {
    const hub = new ChangeHub(BEGINNING, OPTIONS);
    const filter = { ...NO_FILTER, jobId: 'wanted' };
    const early = hub.open(filter).next(BEGINNING);
    hub.add([rowOf({ jobId: 'other' })]);
    const late = hub.open(filter).next(hub.recent.head);
    hub.add([rowOf({ jobId: 'wanted' })]);
    expect(await early).toBe(await late);
    expect(batchOf(await early).changes).toHaveLength(1);
  });

  it('spreads a row of many changes over batches of at most 1,000, and goes on in its middle', async () => {
    const hub = new ChangeHub(BEGINNING, { ...OPTIONS, recentChanges: 10_000 });
    const row = rowOf({}, 2_500);
    hub.add([row, rowOf()]);
    const reader = hub.open(NO_FILTER);
    const batches: ChangeBatch[] = [];
    for (let position = BEGINNING; batches.at(-1)?.seenAt == null; position = batches.at(-1)!.position)
      batches.push(batchOf(await reader.next(position)));
    expect(batches.map(({ changes }) => changes.length)).toEqual([1_000, 1_000, 501]);
    expect(batches[0]!.position).toEqual({ xid: row.xid, id: row.id, offset: 1_000 });
    expect(batches.flatMap(({ changes }) => changes).map(({ index }) => index)).toEqual([...Array(2_500).keys(), 0]);
  });

  it('sends a reader that is too far behind to the log', async () => {
    const hub = new ChangeHub(BEGINNING, OPTIONS);
    const reader = hub.open(NO_FILTER);
    hub.add(Array.from({ length: 150 }, () => rowOf()));
    expect(await reader.next(BEGINNING)).toBe('behind');
    expect(batchOf(await reader.next(hub.recent.start)).changes).toHaveLength(100);
  });

  it('sends a reader that waited to the log when more came at once than is kept', async () => {
    const hub = new ChangeHub(BEGINNING, OPTIONS);
    const waiting = hub.open(NO_FILTER).next(BEGINNING);
    hub.add([rowOf({}, 80), rowOf({}, 80)]);
    expect(await waiting).toBe('behind');
  });

  it('has lost nothing for a reader that waited while much came that it does not want', async () => {
    const hub = new ChangeHub(BEGINNING, OPTIONS);
    const waiting = hub.open({ ...NO_FILTER, jobId: 'wanted' }).next(BEGINNING);
    for (let count = 0; count < 300; count += 1) hub.add([rowOf()]);
    hub.add([rowOf({ jobId: 'wanted' })]);
    expect(batchOf(await waiting).changes).toHaveLength(1);
  });

  it('keeps what it has read, and no more than it may, whatever the size of the rows', () => {
    const hub = new ChangeHub(BEGINNING, OPTIONS);
    const rows = [rowOf({}, 40), rowOf({}, 40), rowOf({}, 40), rowOf({}, 900)];
    hub.add(rows.slice(0, 3));
    expect(hub.recent.start).toEqual(endOf(rows[0]!));
    hub.add(rows.slice(3));
    expect([hub.recent.start, hub.recent.head]).toEqual([endOf(rows[2]!), endOf(rows[3]!)]);
  });

  it('does not repeat what a reader has seen that comes with a newer cursor than it has itself', async () => {
    const hub = new ChangeHub(BEGINNING, OPTIONS);
    const [seen, next] = [rowOf(), rowOf()];
    const reader = hub.open(NO_FILTER);
    expect(batchOf(await reader.next(endOf(seen), true))).toMatchObject({ changes: [], position: endOf(seen) });
    const waiting = reader.next(endOf(seen));
    hub.add([seen]);
    hub.add([next]);
    expect(batchOf(await waiting).changes.map(({ row }) => row)).toEqual([next]);
  });

  it('gives a bookmark when nothing comes, the same to all', async () => {
    const hub = new ChangeHub(BEGINNING, { ...OPTIONS, bookmarkMs: 5 });
    const [one, two] = [hub.open(NO_FILTER), hub.open(NO_FILTER)].map((reader) => reader.next(BEGINNING));
    const bookmark = batchOf(await one!);
    expect(bookmark).toEqual({ changes: [], position: BEGINNING, seenAt: new Date(0) });
    expect(await two).toBe(bookmark);
  });

  it('lets go of readers that are closed, dismisses all when it closes, and when the history is replaced', async () => {
    const hub = new ChangeHub(BEGINNING, OPTIONS);
    const open = (): [ChangeReader, Promise<Delivery> | Delivery] => {
      const reader = hub.open({ ...NO_FILTER, jobId: 'job' });
      return [reader, reader.next(BEGINNING)];
    };
    const [left, leaving] = open();
    left.close();
    expect([await leaving, left.next(BEGINNING)]).toEqual(['closed', 'closed']);
    const [old, reset] = open();
    hub.reset(BEGINNING);
    expect([await reset, old.next(BEGINNING)]).toEqual(['reset', 'reset']);
    const [, closing] = open();
    hub.close();
    expect(await closing).toBe('closed');
  });
});

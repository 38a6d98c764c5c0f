import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deleteJob } from '../../src/store/delete-job.ts';
import { deleteOldEvents } from '../../src/store/delete-old-events.ts';
import { setJobStatus } from '../../src/store/set-job-status.ts';
import { updateJob } from '../../src/store/update-job.ts';
import { BATCH, type Batch, type Change, STATUS_CHANGES, STATUS_CHANGES_ONCE, upTo } from '../support/change-stream.ts';
import { globalId, type LiveGateway, startLiveGateway, watch } from '../support/live-gateway.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { TRANSPORTS } from '../support/server.ts';

const BOOKMARK_MS = 200;
const DAY_MS = 86_400_000;

let gateway: LiveGateway;
let daysLater = 0;
beforeAll(async () => {
  gateway = await startLiveGateway({
    feed: { bookmarkMs: BOOKMARK_MS },
    now: () => new Date(Date.now() + daysLater * DAY_MS),
  });
});
afterAll(() => gateway.close());

const cancel = (jobId: string) => setJobStatus(gateway.store, jobId, { request: 'cancel' }, { actor: 'test' });
const requeue = (jobId: string) => setJobStatus(gateway.store, jobId, { request: 'requeue' }, { actor: 'test' });
const remove = (jobId: string) => deleteJob(gateway.store, jobId, { actor: 'test' });
const once = (variables: Record<string, unknown>) => gateway.ask<Batch>(STATUS_CHANGES_ONCE, variables);
const numbers = (changes: readonly Change[]) => changes.map(({ sequence }) => sequence);

describe.each(TRANSPORTS)('statusChanges over $name', (transport) => {
  const open = (variables: Record<string, unknown> = {}) => watch<Batch>(transport, gateway, STATUS_CHANGES, variables);

  it('begins now with a bookmark at once, and then gives each change as it happens', async () => {
    await submitPlainJob(gateway.store, 1);
    const stream = open();
    expect(await stream.next()).toMatchObject({ changes: [], caughtUp: true });

    const jobId = await submitPlainJob(gateway.store, 2);
    const born = await stream.next();
    expect(born).toMatchObject({
      caughtUp: true,
      changes: [
        {
          __typename: 'JobStatusChange',
          sequence: 1,
          jobId: globalId('Job', jobId),
          jobFrom: null,
          jobTo: 'UNDER_CONSTRUCTION',
          reason: 'SUBMITTED',
        },
        { __typename: 'JobStatusChange', sequence: 2, jobFrom: 'UNDER_CONSTRUCTION', jobTo: 'QUEUED' },
      ],
    });
    await cancel(jobId);
    const { changes } = await stream.next();
    expect(changes.map(({ jobTo, taskName, taskTo }) => jobTo ?? `${taskName} ${taskTo}`)).toEqual([
      'CANCEL_REQUESTED',
      'task 1 CANCELED',
      'task 2 CANCELED',
      'CANCELED',
    ]);
    await stream.close();
  });

  it('begins with the oldest when asked to, in batches of at most 1,000, and then goes on live', async () => {
    const jobId = await submitPlainJob(gateway.store, 2_500);
    await cancel(jobId);
    const stream = open({ jobId: globalId('Job', jobId), startAt: 'OLDEST' });
    // A write transaction elsewhere on the server may hold the newest ones back for a moment: then there are more batches.
    const batches = [await stream.next()];
    const received = () => batches.reduce((sum, { changes }) => sum + changes.length, 0);
    while (received() < 2_504) batches.push(await stream.next());
    expect(batches.every(({ changes }) => changes.length <= 1_000)).toBe(true);
    expect(batches.at(-1)!.caughtUp).toBe(true);
    await requeue(jobId);
    while (batches.at(-1)!.changes.at(-1)!.jobTo !== 'QUEUED') batches.push(await stream.next());
    expect(numbers(batches.flatMap(({ changes }) => changes))).toEqual(upTo(2_504 + 2_502));
    await stream.close();
  });

  it('goes on after any cursor: of a change in the middle, of a batch, of a mutation', async () => {
    const jobId = await submitPlainJob(gateway.store, 5);
    await cancel(jobId);
    const all = await once({ jobId: globalId('Job', jobId) });
    expect(numbers(all.changes)).toEqual(upTo(9));
    for (const { cursor, sequence } of all.changes) {
      const stream = open({ jobId: globalId('Job', jobId), after: cursor });
      const { changes } = await stream.next();
      expect(numbers(changes)).toEqual(upTo(9).slice(sequence));
      await stream.close();
    }
    const mutation = `mutation ($id: ID!) { requeueJob(input: { id: $id }) { ... on JobSuccess { cursor } } }`;
    const requeued = await gateway.ask<{ cursor: string }>(mutation, { id: globalId('Job', jobId) });
    const stream = open({ jobId: globalId('Job', jobId), after: requeued.cursor });
    expect(await stream.next()).toMatchObject({ changes: [] });
    await cancel(jobId);
    expect((await stream.next()).changes[0]).toMatchObject({ jobTo: 'CANCEL_REQUESTED', sequence: 17 });
    await stream.close();
  });

  it('moves the cursor over what the filter leaves out, with bookmarks while nothing comes', async () => {
    const stream = open({ filter: { submitter: 'nobody' } });
    const first = await stream.next();
    const jobId = await submitPlainJob(gateway.store, 1);
    const bookmark = await stream.next();
    expect(bookmark).toMatchObject({ changes: [], caughtUp: true });
    expect(bookmark.cursor).not.toBe(first.cursor);
    await stream.close();

    const rest = await once({ after: bookmark.cursor });
    expect(rest.changes.filter((change) => change.jobId === globalId('Job', jobId))).toEqual([]);
  });

  it('gives what the filter wants: a submitter, job types, jobs without their tasks', async () => {
    const streams = {
      submitter: open({ filter: { submitter: 'carmen' } }),
      type: open({ filter: { jobTypes: ['other', 'flamenco'] } }),
      jobs: open({ filter: { jobsOnly: true } }),
    };
    for (const stream of Object.values(streams)) await stream.next();
    const plain = await submitPlainJob(gateway.store, 1);
    await cancel(plain);
    const wanted = await submitPlainJob(gateway.store, 1, { submitter: 'carmen', type: 'flamenco' });
    await cancel(wanted);
    for (const [name, stream] of Object.entries(streams)) {
      const changes: Change[] = [];
      while (changes.at(-1)?.jobTo !== 'CANCELED' || changes.at(-1)?.jobId !== globalId('Job', wanted))
        changes.push(...(await stream.next()).changes);
      const jobs = name === 'jobs' ? [plain, wanted] : [wanted];
      expect([...new Set(changes.map((change) => change.jobId))]).toEqual(jobs.map((id) => globalId('Job', id)));
      expect(changes.some(({ taskTo }) => taskTo)).toBe(name !== 'jobs');
      await stream.close();
    }
  });

  it('ends a job’s stream with its deletion, whose changes stay readable', async () => {
    const jobId = await submitPlainJob(gateway.store, 1);
    const id = globalId('Job', jobId);
    const stream = open({ jobId: id, filter: { jobsOnly: true } });
    await stream.next();
    await cancel(jobId);
    await stream.next();
    await remove(jobId);
    const { changes, cursor } = await stream.next();
    expect(changes).toMatchObject([{ __typename: 'JobDeletion', reason: 'USER', sequence: 6 }]);
    await stream.end();

    const later = open({ jobId: id, startAt: 'OLDEST' });
    expect(numbers((await later.next()).changes)).toEqual(upTo(6));
    await later.end();
    for (const variables of [{ jobId: id, after: cursor }, { jobId: id }]) {
      const over = open(variables);
      expect(await over.next()).toMatchObject({ changes: [], caughtUp: true });
      await over.end();
    }
    expect(numbers((await once({ jobId: id })).changes)).toEqual(upTo(6));
  });

  it('ends with NotFoundError for a job that never was', async () => {
    for (const id of [globalId('Job', randomUUID()), 'nonsense']) {
      const stream = open({ jobId: id });
      expect(await stream.next()).toMatchObject({ __typename: 'NotFoundError', code: 'NOT_FOUND', id });
      await stream.end();
      expect(await once({ jobId: id })).toMatchObject({ __typename: 'NotFoundError', id });
    }
  });

  it('refuses what is no cursor as a bad request', async () => {
    await expect(open({ after: 'nonsense' }).next()).rejects.toThrow('BAD_REQUEST: after is no cursor');
    await expect(once({ after: 'x'.repeat(500) })).rejects.toThrow('BAD_REQUEST');
  });

  it('says where to start over when the cursor is of another database, another stream or a later time', async () => {
    const jobId = await submitPlainJob(gateway.store, 1);
    const { cursor } = await once({});
    const change = (edit: (text: string) => string) =>
      Buffer.from(edit(Buffer.from(cursor, 'base64url').toString())).toString('base64url');
    const [, epoch] = Buffer.from(cursor, 'base64url').toString().split('.');
    const cursors = {
      'another database': change((text) => text.replace(epoch!, epoch!.split('').reverse().join(''))),
      'a log': change(() => `l.${epoch}.${randomUUID()}.0`),
      'a later time': change(() => `e.${epoch}.999999999999.1.1`),
    };
    for (const [what, after] of Object.entries(cursors)) {
      const stream = open({ after });
      const error = await stream.next();
      expect(error, what).toMatchObject({ __typename: 'CursorExpiredError', code: 'CURSOR_EXPIRED' });
      await stream.end();
      const again = await once({ after: error.oldestCursor, first: 1000 });
      expect(again.__typename).toBe('StatusChangeBatch');
    }
    const { oldestCursor } = await once({ after: cursors['a log'] });
    const stream = open({ after: oldestCursor });
    const changes: Change[] = [];
    for (let isOver = false; !isOver; ) {
      const batch = await stream.next();
      changes.push(...batch.changes);
      isOver = batch.caughtUp;
    }
    expect(changes.filter((each) => each.jobId === globalId('Job', jobId))).toHaveLength(2);
    await stream.close();
  });
});

describe('statusChanges as a query', () => {
  it('gives as many as are asked for, and a cursor to go on from', async () => {
    const jobId = globalId('Job', await submitPlainJob(gateway.store, 7));
    await gateway.ask(`mutation ($id: ID!) { cancelJob(input: { id: $id }) { __typename } }`, { id: jobId });
    const changes: Change[] = [];
    let after: string | null = null;
    for (let isOver = false; !isOver; ) {
      const batch: Batch = await once({ jobId, after, first: 4 });
      expect(batch.changes.length).toBeLessThanOrEqual(4);
      changes.push(...batch.changes);
      after = batch.cursor;
      isOver = batch.caughtUp;
    }
    expect(numbers(changes)).toEqual(upTo(11));
    expect(await once({ jobId, after, first: 4 })).toMatchObject({ changes: [], caughtUp: true });
  });

  it('has what was committed before it, by default from the oldest on, or from now on', async () => {
    const jobId = await submitPlainJob(gateway.store, 1);
    const { position } = await cancel(jobId);
    expect(position.offset).toBe(1);
    expect(numbers((await once({ jobId: globalId('Job', jobId) })).changes)).toEqual(upTo(5));
    expect(await once({ startAt: 'NOW' })).toMatchObject({ changes: [], caughtUp: true });
  });

  it.each([0, 1_001, -1])('refuses a size of %i', async (first) => {
    await expect(once({ first })).rejects.toThrow(`BAD_REQUEST: first is ${first}; it must be from 1 to 1,000.`);
  });

  it('is a field of the job too', async () => {
    const jobId = globalId('Job', await submitPlainJob(gateway.store, 1));
    const query = `query ($id: ID!, $after: Cursor) { job(id: $id) { statusChanges(first: 1, after: $after) { ${BATCH} } } }`;
    const one = await gateway.ask<{ statusChanges: Batch }>(query, { id: jobId });
    expect(numbers(one.statusChanges.changes)).toEqual([1]);
    const two = await gateway.ask<{ statusChanges: Batch }>(query, { id: jobId, after: one.statusChanges.cursor });
    expect(numbers(two.statusChanges.changes)).toEqual([2]);
  });

  it('goes on from a page of jobs without a gap', async () => {
    await submitPlainJob(gateway.store, 1);
    const { feedCursor } = await gateway.ask<{ feedCursor: string }>('{ jobs(first: 1) { feedCursor nodes { id } } }');
    const jobId = globalId('Job', await submitPlainJob(gateway.store, 1));
    const { changes } = await once({ after: feedCursor });
    expect(changes.filter((change) => change.jobId === jobId).map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  it('refuses a cursor behind which events have been deleted or may be soon, and gives the oldest that holds', async () => {
    const old = await submitPlainJob(gateway.store, 1);
    const { changes, cursor } = await once({ jobId: globalId('Job', old) });
    try {
      daysLater = 1;
      const gone = await submitPlainJob(gateway.store, 1);
      await deleteJob(gateway.store, gone, { actor: 'test' });
      daysLater = 29;
      const young = await submitPlainJob(gateway.store, 1);
      const jobsAfter = async (after: string) => (await once({ after })).changes.map(({ jobId }) => jobId);
      const jobs = { gone: Array(3).fill(globalId('Job', gone)), young: Array(2).fill(globalId('Job', young)) };

      daysLater = 30.5;
      const { oldestCursor } = await once({ after: changes[0]!.cursor });
      expect(await jobsAfter(oldestCursor!)).toEqual([...jobs.gone, ...jobs.young]);
      // A day in which nothing has happened: nothing behind the cursor is missing.
      expect(await jobsAfter(cursor)).toEqual([...jobs.gone, ...jobs.young]);
      await deleteOldEvents(gateway.store);
      expect(await jobsAfter(cursor)).toEqual([...jobs.gone, ...jobs.young]);

      daysLater = 31;
      await deleteOldEvents(gateway.store);
      for (const after of [changes[0]!.cursor, cursor]) {
        const expired = await once({ after });
        expect(expired).toMatchObject({
          __typename: 'CursorExpiredError',
          message: expect.stringContaining('30 days'),
        });
        expect(await jobsAfter(expired.oldestCursor!)).toEqual(jobs.young);
      }

      // A living job's newest event is what its mutations answer with, and is kept.
      const { position } = await updateJob(gateway.store, old, { name: 'still there' });
      expect(position).toBeDefined();
      const { cursor: answered } = await gateway.ask<{ cursor: string }>(
        `mutation ($id: ID!) { updateJob(input: { id: $id, priority: 60 }) { ... on JobSuccess { cursor } } }`,
        { id: globalId('Job', old) },
      );
      expect(await once({ jobId: globalId('Job', old), after: answered })).toMatchObject({
        changes: [],
        caughtUp: true,
      });
      daysLater = 62;
      await deleteOldEvents(gateway.store);
      expect((await once({ after: answered })).__typename).toBe('CursorExpiredError');
    } finally {
      daysLater = 0;
    }
  });
});

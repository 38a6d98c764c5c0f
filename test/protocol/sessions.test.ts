import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../support/farm.ts';
import { FarmWorker } from '../support/farm-worker.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

const nameOf = async ({ id }: FarmWorker) =>
  (await farm.gateway.run<{ worker: { name: string } }>('query ($id: ID!) { worker(id: $id) { name } }', { id })).worker
    .name;

/** The HTTP status and the error code of an operation that a token is sent with. */
async function codeOf(query: string, authorization?: string): Promise<unknown> {
  const response = await fetch(`${farm.gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
    body: JSON.stringify({ query }),
  });
  const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
  return [response.status, errors?.[0]?.extensions.code];
}

describe('registerWorker', () => {
  it('gives a name that is taken a suffix, and the next free one after that', async () => {
    const names = [];
    for (let i = 0; i < 4; i += 1) names.push(await nameOf(await FarmWorker.register(farm.gateway, 'render')));
    expect(names).toEqual(['render', 'render-2', 'render-3', 'render-4']);
  });

  it('takes % and _ in a name as they are', async () => {
    const names = [];
    for (const name of ['a%', 'axx-2', 'a%', 'a_', 'a_'])
      names.push(await nameOf(await FarmWorker.register(farm.gateway, name)));
    expect(names).toEqual(['a%', 'axx-2', 'a%-2', 'a_', 'a_-2']);
  });

  it('gives workers that register at the same time different names', async () => {
    const workers = await Promise.all(Array.from({ length: 5 }, () => FarmWorker.register(farm.gateway, 'twin')));
    const names = await Promise.all(workers.map(nameOf));
    expect(names.sort()).toEqual(['twin', 'twin-2', 'twin-3', 'twin-4', 'twin-5']);
  });

  it('gives the name of a deleted worker out again', async () => {
    const worker = await FarmWorker.register(farm.gateway, 'gone');
    await farm.ask('deleteWorker', { id: worker.id });
    expect(await nameOf(await FarmWorker.register(farm.gateway, 'gone'))).toBe('gone');
  });
});

describe('a session', () => {
  it('begins with the lease and a third of it as the heartbeat', async () => {
    const worker = await FarmWorker.register(farm.gateway, 'fresh');
    expect(await worker.signOn()).toMatchObject({
      __typename: 'SignOnWorkerSuccess',
      requestedStatus: 'AWAKE',
      leaseSeconds: 60,
      heartbeatSeconds: 20,
    });
  });

  it('ends when the worker signs on anew, and its attempts are lost at once and counted', async () => {
    const worker = await farm.worker('double', { slots: 2 });
    const job = await farm.submit(independent(2));
    await worker.claim({ freeSlots: 2 });
    const older = worker.sessionId;
    await worker.signOn({ slots: 2 });
    expect(await farm.statuses(job)).toBe('active: soft-failed soft-failed');
    expect(await farm.changes(job, 5)).toEqual([
      'task 1 active → soft-failed WORKER_LOST',
      'task 2 active → soft-failed WORKER_LOST',
    ]);
    expect(await worker.sync({ sessionId: older })).toMatchObject({
      __typename: 'SessionEndedError',
      reason: 'SIGNED_ON_ELSEWHERE',
    });
  });

  it('that signed off is unknown, and its attempts are handed back, not counted', async () => {
    const worker = await farm.worker('leaver');
    const job = await farm.submit(independent(1));
    await worker.claim();
    await worker.signOff();
    expect(await farm.task(job)).toMatchObject({ status: 'QUEUED', statusReason: 'HANDED_BACK', failedAttempts: 0 });
    expect(await worker.sync()).toMatchObject({ __typename: 'SessionEndedError', reason: 'UNKNOWN' });
  });

  it.each(['', 'nonsense', Buffer.from('Session:x:1').toString('base64url')])(
    'with the id %j is unknown',
    async (sessionId) => {
      const worker = await farm.worker('confused');
      expect(await worker.sync({ sessionId })).toMatchObject({ __typename: 'SessionEndedError', reason: 'UNKNOWN' });
    },
  );

  it('that has not begun yet is unknown', async () => {
    const worker = await farm.worker('early');
    const [, id] = Buffer.from(worker.sessionId, 'base64url').toString().split(':');
    const sessionId = Buffer.from(`Session:${id}:2`).toString('base64url');
    expect(await worker.sync({ sessionId })).toMatchObject({ __typename: 'SessionEndedError', reason: 'UNKNOWN' });
  });

  it('of a deleted worker says DELETED, as signing on again does', async () => {
    const worker = await farm.worker('deleted');
    await farm.ask('deleteWorker', { id: worker.id });
    expect(await worker.sync()).toMatchObject({ __typename: 'SessionEndedError', reason: 'DELETED' });
    expect(await worker.signOn()).toMatchObject({ __typename: 'SessionEndedError' });
    expect(await worker.appendLog('x', 0, 'text')).toMatchObject({
      __typename: 'SessionEndedError',
      reason: 'DELETED',
    });
  });

  it('of another worker is forbidden', async () => {
    const mine = await farm.worker('mine');
    const other = await farm.worker('other');
    expect(await mine.sync({ sessionId: other.sessionId })).toMatchObject({ __typename: 'ForbiddenError' });
    mine.sessionId = other.sessionId;
    expect(await mine.appendLog('x', 0, 'text')).toMatchObject({ __typename: 'ForbiddenError' });
  });

  it('begins in no other version of the protocol than 1, and says which would do', async () => {
    const worker = await FarmWorker.register(farm.gateway, 'modern');
    for (const protocol of [0, 2])
      expect(await worker.signOn({ protocol })).toMatchObject({
        __typename: 'VersionUnsupportedError',
        message: expect.stringContaining('speaks 1'),
      });
  });
});

describe('the token', () => {
  const SYNC =
    'mutation { syncWorker(input: { sessionId: "x", status: AWAKE, running: [], freeSlots: 0, reports: [] }) { __typename } }';

  it.each([undefined, 'Bearer nobody', 'Basic abc'])(
    'is missing or unknown with the header %j: UNAUTHENTICATED',
    async (authorization) => {
      expect(await codeOf(SYNC, authorization)).toEqual([
        expect.toSatisfy((status) => status === 200 || status === 401),
        'UNAUTHENTICATED',
      ]);
    },
  );

  it('that nobody has is UNAUTHENTICATED with 401 whatever is asked', async () => {
    expect(await codeOf('{ __typename }', 'Bearer nobody')).toEqual([401, 'UNAUTHENTICATED']);
  });
});

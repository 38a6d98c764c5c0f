import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../support/farm.ts';
import type { FarmWorker } from '../support/farm-worker.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

const request = ({ id }: FarmWorker, status: string, timing?: string) =>
  farm.ask('requestWorkerStatus', { id, status, ...(timing && { timing }) });
const view = async ({ id }: FarmWorker) =>
  (
    await farm.gateway.run<{ worker: Record<string, unknown> | null }>(
      'query ($id: ID!) { worker(id: $id) { name status requestedStatus tags taskTypes currentAttempts { number } } }',
      { id },
    )
  ).worker;
const begin = async () => {
  const worker = await farm.worker();
  const job = await farm.submit(independent(2));
  const { attemptToken } = (await worker.claim())!;
  return { worker, job, attemptToken };
};

describe('requestWorkerStatus', () => {
  it.each(['ASLEEP', 'OFFLINE', 'RESTART'])(
    '%s now recalls what the worker executes: not counted, and for another worker',
    async (status) => {
      const { worker, job, attemptToken } = await begin();
      expect(await request(worker, status)).toMatchObject({
        __typename: 'WorkerSuccess',
        worker: { requestedStatus: status },
      });
      expect(await worker.heartbeat()).toMatchObject({
        stops: [{ attemptToken, reason: 'RECALLED' }],
        requestedStatus: status,
        assignments: [],
      });
      expect(await worker.report(attemptToken, { stopped: { handedBack: false } }, { freeSlots: 1 })).toMatchObject({
        assignments: [],
      });
      expect(await farm.task(job)).toMatchObject({ status: 'QUEUED', statusReason: 'HANDED_BACK', failedAttempts: 0 });
      expect((await (await farm.worker('other')).claim())!.task.name).toBe('task 1');
    },
  );

  it.each(['ASLEEP', 'OFFLINE', 'RESTART'])(
    '%s after the current task lets it finish, gives no other, and then tells the worker',
    async (status) => {
      const { worker, job, attemptToken } = await begin();
      await request(worker, status, 'AFTER_CURRENT_TASK');
      expect(await worker.sync({ freeSlots: 1 })).toMatchObject({ stops: [], assignments: [], requestedStatus: null });
      expect(await worker.complete(attemptToken, { freeSlots: 1 })).toMatchObject({
        assignments: [],
        requestedStatus: status,
      });
      expect(await farm.statuses(job)).toBe('active: completed queued');
    },
  );

  it('to an idle worker after its current task is told at once', async () => {
    const worker = await farm.worker();
    await request(worker, 'ASLEEP', 'AFTER_CURRENT_TASK');
    expect(await worker.sync()).toMatchObject({ requestedStatus: 'ASLEEP' });
  });

  it('now, after one for later, recalls what still runs', async () => {
    const { worker, attemptToken } = await begin();
    await request(worker, 'ASLEEP', 'AFTER_CURRENT_TASK');
    await request(worker, 'ASLEEP', 'NOW');
    expect(await worker.heartbeat()).toMatchObject({
      stops: [{ attemptToken, reason: 'RECALLED' }],
      requestedStatus: 'ASLEEP',
    });
  });

  it('that a worker has followed is no request any more', async () => {
    const worker = await farm.worker();
    await request(worker, 'ASLEEP');
    expect(await view(worker)).toMatchObject({ status: 'AWAKE', requestedStatus: 'ASLEEP' });
    expect(await worker.sync({ status: 'ASLEEP' })).toMatchObject({ requestedStatus: null });
    expect(await view(worker)).toMatchObject({ status: 'ASLEEP', requestedStatus: null });
  });

  it('AWAKE wakes a worker that is asleep, and it gets work again', async () => {
    const worker = await farm.worker();
    await request(worker, 'ASLEEP');
    await worker.sync({ status: 'ASLEEP' });
    await farm.submit(independent(1));
    await request(worker, 'AWAKE');
    expect(await worker.sync({ status: 'ASLEEP' })).toMatchObject({ requestedStatus: 'AWAKE', assignments: [] });
    expect((await worker.sync({ status: 'AWAKE' })).assignments).toHaveLength(1);
    expect(await view(worker)).toMatchObject({ status: 'AWAKE', requestedStatus: null });
  });

  it('AWAKE takes back a request that the worker has not followed yet; what was recalled stays recalled', async () => {
    const { worker, attemptToken } = await begin();
    await request(worker, 'OFFLINE');
    await request(worker, 'AWAKE');
    expect(await worker.heartbeat()).toMatchObject({
      stops: [{ attemptToken, reason: 'RECALLED' }],
      requestedStatus: null,
    });
    await worker.stopped(attemptToken);
    expect(await worker.claim()).not.toBeNull();
  });

  it('ASLEEP is still so after the worker has started again; OFFLINE and RESTART are done by then', async () => {
    const worker = await farm.worker();
    await request(worker, 'ASLEEP');
    await worker.signOff();
    expect(await worker.signOn()).toMatchObject({ requestedStatus: 'ASLEEP' });
    expect(await view(worker)).toMatchObject({ status: 'ASLEEP' });
    for (const status of ['OFFLINE', 'RESTART']) {
      await request(worker, 'AWAKE');
      await request(worker, status);
      await worker.signOff();
      expect(await view(worker)).toMatchObject({ status: 'OFFLINE', requestedStatus: null });
      expect(await worker.signOn()).toMatchObject({ requestedStatus: 'AWAKE' });
    }
  });

  it('to a worker that is away: to sleep waits for it, to leave means nothing', async () => {
    const worker = await farm.worker();
    await worker.signOff();
    await request(worker, 'ASLEEP');
    expect(await worker.signOn()).toMatchObject({ requestedStatus: 'ASLEEP' });
    await worker.signOff();
    await request(worker, 'AWAKE');
    expect(await worker.signOn()).toMatchObject({ requestedStatus: 'AWAKE' });
    await worker.signOff();
    await request(worker, 'RESTART');
    expect(await worker.signOn()).toMatchObject({ requestedStatus: 'AWAKE' });
  });
});

describe('updateWorker', () => {
  it('leaves what runs alone, and decides over the next task', async () => {
    const { worker, job, attemptToken } = await begin();
    await farm.ask('updateWorker', { id: worker.id, taskTypes: ['video'] });
    expect(await worker.heartbeat()).toMatchObject({ stops: [] });
    expect(await worker.complete(attemptToken, { freeSlots: 1 })).toMatchObject({ assignments: [] });
    expect(await farm.statuses(job)).toBe('active: completed queued');
  });

  it('stands for what the worker brings when it signs on; null gives that back', async () => {
    const worker = await farm.worker('worker', { tags: ['own'] });
    await farm.ask('updateWorker', { id: worker.id, tags: ['gpu'], taskTypes: ['video'] });
    await worker.signOn({ tags: ['own'], taskTypes: ['misc'] });
    expect(await view(worker)).toMatchObject({ tags: ['gpu'], taskTypes: ['video'] });
    await farm.ask('updateWorker', { id: worker.id, tags: null });
    await worker.signOn({ tags: ['own'], taskTypes: ['misc'] });
    expect(await view(worker)).toMatchObject({ tags: ['own'], taskTypes: ['video'] });
  });

  it('refuses the name of another worker, and takes one that is free', async () => {
    const [worker] = [await farm.worker('a'), await farm.worker('b')];
    expect(await farm.ask('updateWorker', { id: worker.id, name: 'b' })).toMatchObject({
      __typename: 'InvalidInputError',
      issues: [{ path: ['name'] }],
    });
    expect(await farm.ask('updateWorker', { id: worker.id, name: 'c' })).toMatchObject({ worker: { name: 'c' } });
  });
});

describe('deleteWorker', () => {
  it('ends its attempts at once as stopped, not counted, for the others', async () => {
    const { worker, job } = await begin();
    const other = await farm.worker('other');
    await farm.ask('deleteWorker', { id: worker.id });
    expect(await farm.task(job)).toMatchObject({ status: 'QUEUED', statusReason: 'HANDED_BACK', failedAttempts: 0 });
    expect((await farm.task(job)).attempts.nodes).toMatchObject([{ outcome: 'STOPPED' }]);
    expect((await other.claim())!.task.name).toBe('task 1');
  });

  it('makes it nobody: no query finds it, its session and token say that it was deleted', async () => {
    const worker = await farm.worker();
    expect(await farm.ask('deleteWorker', { id: worker.id })).toMatchObject({
      __typename: 'DeleteWorkerSuccess',
      deletedId: worker.id,
    });
    expect(await view(worker)).toBeNull();
    for (const mutation of ['deleteWorker', 'updateWorker'] as const)
      expect(await farm.ask(mutation, { id: worker.id })).toMatchObject({ __typename: 'NotFoundError', id: worker.id });
    expect(await request(worker, 'AWAKE')).toMatchObject({ __typename: 'NotFoundError' });
    expect(await worker.sync()).toMatchObject({ __typename: 'SessionEndedError', reason: 'DELETED' });
  });

  it('leaves the attempts of the past with its name', async () => {
    const { worker, job, attemptToken } = await begin();
    await worker.complete(attemptToken);
    await farm.ask('deleteWorker', { id: worker.id });
    expect((await farm.task(job)).attempts.nodes).toMatchObject([{ outcome: 'COMPLETED', worker: { name: 'worker' } }]);
  });
});

describe('unblockWorker', () => {
  it('of a job or a worker that is not there: NotFoundError', async () => {
    const { worker, job } = await begin();
    expect(await farm.ask('unblockWorker', { jobId: 'x', workerId: worker.id, taskType: 'misc' })).toMatchObject({
      __typename: 'NotFoundError',
      id: 'x',
    });
    const gone = await farm.worker('gone');
    await farm.ask('deleteWorker', { id: gone.id });
    const never = Buffer.from(`Worker:${randomUUID()}`).toString('base64');
    for (const workerId of ['x', never, gone.id])
      expect(await farm.ask('unblockWorker', { jobId: job.id, workerId, taskType: 'misc' })).toMatchObject({
        __typename: 'NotFoundError',
        id: workerId,
        message: `There is no worker with the id "${workerId}".`,
      });
  });
});

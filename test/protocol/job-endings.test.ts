import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm, type SubmittedJob } from '../support/farm.ts';
import type { FarmWorker } from '../support/farm-worker.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
let worker: FarmWorker;
beforeAll(async () => {
  farm = await Farm.start();
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

const completeNext = async () => worker.complete((await worker.claim())!.attemptToken);
const failNext = async () => worker.fail((await worker.claim())!.attemptToken, 'No light.');
const last = async (job: SubmittedJob) => (await farm.history(job)).at(-1);

describe('the failure limit', () => {
  it.each([
    [10, 10, 1],
    [11, 10, 2],
    [24, 10, 3],
    [100, 10, 10],
    [3, 34, 2],
    [4, 50, 2],
    [5, 100, 5],
  ])('of %i tasks at %i %% is reached with the %i. failed one', async (total, failureLimitPercent, limit) => {
    worker = await farm.worker();
    const job = await farm.submit(independent(total), { maxAttempts: 1, failureLimitPercent });
    for (let failed = 1; failed < limit; failed += 1) {
      await failNext();
      expect((await farm.query('SELECT status, tasks_canceled FROM job')).rows).toEqual([
        { status: 'active', tasks_canceled: 0 },
      ]);
    }
    await failNext();
    expect(await farm.job(job)).toMatchObject({
      status: 'FAILED',
      statusReason: 'FINISHED',
      taskCounts: { failed: limit, canceled: total - limit },
    });
  });

  it('calls off what waits and stops what runs; the job fails when that has ended', async () => {
    worker = await farm.worker('worker', { slots: 3 });
    const job = await farm.submit([[], [], [], [0]], { maxAttempts: 1 });
    const { assignments } = await worker.sync({ freeSlots: 2 });
    const [first, second] = assignments.map(({ attemptToken }) => attemptToken) as [string, string];
    worker.running.add(second);
    await worker.fail(first, 'No light.');
    expect(await farm.statuses(job)).toBe('active: failed active canceled canceled');
    expect((await worker.heartbeat()).stops).toEqual([{ attemptToken: second, reason: 'CANCELED' }]);
    await worker.stopped(second);
    expect(await farm.statuses(job)).toBe('failed: failed canceled canceled canceled');
    expect(await farm.changes(job, 5)).toEqual([
      'task 1 active → failed FAILED_ATTEMPT',
      'task 3 queued → canceled JOB_FAILED',
      'task 4 queued → canceled JOB_FAILED',
      'task 2 active → canceled JOB_FAILED',
      'job active → failed FINISHED',
    ]);
    expect(await farm.job(job)).toMatchObject({ error: 'Task "task 1" failed once: No light.' });
    expect(await last(job)).toMatchObject({ actor: 'gateway', message: 'Task "task 1" failed once: No light.' });
  });

  it('lets an active task that completes in time stay completed', async () => {
    worker = await farm.worker('worker', { slots: 2 });
    const job = await farm.submit(independent(2), { maxAttempts: 1 });
    const { assignments } = await worker.sync({ freeSlots: 2 });
    worker.running.add(assignments[1]!.attemptToken);
    await worker.fail(assignments[0]!.attemptToken);
    await worker.complete(assignments[1]!.attemptToken);
    expect(await farm.statuses(job)).toBe('failed: failed completed');
  });

  it('is not tested again by a task that failed before', async () => {
    worker = await farm.worker();
    const job = await farm.submit(independent(20), { maxAttempts: 1, failureLimitPercent: 5 });
    await failNext();
    await farm.ask('requeueTasks', { ids: job.tasks.slice(1, 3) });
    await completeNext();
    expect((await farm.query('SELECT status, tasks_failed FROM job')).rows).toEqual([
      { status: 'active', tasks_failed: 1 },
    ]);
  });
});

describe('a job ends', () => {
  it('completed when every task is', async () => {
    worker = await farm.worker();
    const job = await farm.submit([[], [0]]);
    await completeNext();
    await completeNext();
    expect(await farm.changes(job)).toEqual([
      'job queued → active CLAIMED',
      'task 1 queued → active CLAIMED',
      'task 1 active → completed FINISHED',
      'task 2 queued → active CLAIMED',
      'task 2 active → completed FINISHED',
      'job active → completed FINISHED',
    ]);
    expect((await farm.history(job)).map(({ actor }) => actor)).toEqual([
      'anonymous',
      'anonymous',
      ...Array(5).fill('worker'),
      'gateway',
    ]);
  });

  it('failed when nothing can run any more and something failed: what depends on it is closed', async () => {
    worker = await farm.worker();
    const job = await farm.submit([[], [0], [1], []], { maxAttempts: 1, failureLimitPercent: 100 });
    await failNext();
    expect(await farm.statuses(job)).toBe('active: failed queued queued queued');
    await completeNext();
    expect(await farm.statuses(job)).toBe('failed: failed canceled canceled completed');
    for (const index of [1, 2])
      expect(await farm.task(job, index)).toMatchObject({ statusReason: 'DEPENDENCY_UNFINISHED' });
  });

  it('canceled when nothing can run any more and users canceled what is missing', async () => {
    worker = await farm.worker();
    const job = await farm.submit([[], [0], []]);
    await farm.ask('cancelTask', { id: job.tasks[0] });
    expect(await farm.statuses(job)).toBe('queued: canceled queued queued');
    await completeNext();
    expect(await farm.statuses(job)).toBe('canceled: canceled canceled completed');
    expect(await last(job)).toMatchObject({ from: 'active', to: 'canceled', reason: 'FINISHED' });
  });

  it('canceled while queued when its tasks are canceled one by one', async () => {
    const job = await farm.submit(independent(2));
    for (const id of job.tasks) await farm.ask('cancelTask', { id });
    expect(await farm.changes(job)).toEqual([
      'task 1 queued → canceled USER',
      'task 2 queued → canceled USER',
      'job queued → canceled FINISHED',
    ]);
  });

  it('completed when the last soft-failed task is accepted, failed when it is given up', async () => {
    for (const [status, end] of [
      ['COMPLETED', 'completed: completed'],
      ['FAILED', 'failed: failed'],
    ] as const) {
      worker = await farm.worker();
      const job = await farm.submit(independent(1));
      await failNext();
      expect(await farm.ask('setTaskStatus', { id: job.tasks[0], status })).toMatchObject({ changed: true });
      expect(await farm.statuses(job)).toBe(end);
      expect((await farm.history(job)).slice(-2)).toMatchObject([
        { what: 'task 1', reason: 'USER', actor: 'anonymous' },
        { what: 'job', reason: 'FINISHED' },
      ]);
    }
  });

  it('not while it is held, or has no worker: it waits', async () => {
    worker = await farm.worker();
    const job = await farm.submit(independent(1), { maxWorkers: 0 });
    expect(await worker.claim()).toBeNull();
    expect(await farm.statuses(job)).toBe('queued: queued');
    const lonely = await farm.submit(independent(1), { workerTag: 'nobody' });
    expect(await worker.claim()).toBeNull();
    expect(await farm.statuses(lonely)).toBe('queued: queued');
  });

  it('canceled from cancel-requested when the last worker has confirmed, whatever the others said', async () => {
    worker = await farm.worker('worker', { slots: 3 });
    const job = await farm.submit(independent(4));
    const { assignments } = await worker.sync({ freeSlots: 3 });
    for (const { attemptToken } of assignments) worker.running.add(attemptToken);
    const [a, b, c] = assignments.map(({ attemptToken }) => attemptToken) as [string, string, string];
    await farm.ask('cancelJob', { id: job.id, comment: 'Enough.' });
    expect(await farm.statuses(job)).toBe('cancel-requested: active active active canceled');
    await worker.complete(a);
    await worker.fail(b);
    expect(await farm.statuses(job)).toBe('cancel-requested: completed canceled active canceled');
    await worker.stopped(c);
    expect(await farm.statuses(job)).toBe('canceled: completed canceled canceled canceled');
    expect(await farm.changes(job, 6)).toEqual([
      'job active → cancel-requested USER',
      'task 4 queued → canceled JOB_CANCELED',
      'task 1 active → completed FINISHED',
      'task 2 active → canceled JOB_CANCELED',
      'task 3 active → canceled JOB_CANCELED',
      'job cancel-requested → canceled FINISHED',
    ]);
  });

  it('canceled at the end of the lease when the worker cannot be reached', async () => {
    worker = await farm.worker();
    const job = await farm.submit(independent(1));
    await worker.claim();
    await farm.ask('cancelJob', { id: job.id });
    farm.clock.advance(59);
    await farm.sweep();
    expect(await farm.statuses(job)).toBe('cancel-requested: active');
    farm.clock.advance(1);
    await farm.sweep();
    expect(await farm.statuses(job)).toBe('canceled: canceled');
  });

  it('canceled at once from failed: failed tasks stay failed', async () => {
    worker = await farm.worker();
    const job = await farm.submit(independent(2), { maxAttempts: 1 });
    await failNext();
    expect(await farm.statuses(job)).toBe('failed: failed canceled');
    await farm.ask('cancelJob', { id: job.id });
    expect(await farm.statuses(job)).toBe('canceled: failed canceled');
    expect((await farm.changes(job)).slice(-2)).toEqual([
      'job failed → cancel-requested USER',
      'job cancel-requested → canceled FINISHED',
    ]);
  });

  it('again after a requeue, and its error is of the new run', async () => {
    worker = await farm.worker();
    const job = await farm.submit(independent(1), { maxAttempts: 1 });
    await failNext();
    await farm.ask('requeueJob', { id: job.id });
    await completeNext();
    expect(await farm.job(job)).toMatchObject({ status: 'COMPLETED', error: null });
  });
});

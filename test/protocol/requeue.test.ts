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
const failNext = async () => worker.fail((await worker.claim())!.attemptToken);
/** What happened since, without the claims of the meantime. */
const changesSince = async (job: SubmittedJob, sequence: number) => await farm.changes(job, sequence);
const countChanges = async (job: SubmittedJob) => (await farm.history(job)).length;

describe('requeueJob', () => {
  it('of a completed job puts every task back', async () => {
    worker = await farm.worker();
    const job = await farm.submit(independent(2));
    for (let i = 0; i < 2; i += 1) await completeNext();
    const before = await countChanges(job);
    await farm.ask('requeueJob', { id: job.id, comment: 'The wrong camera.' });
    expect(await farm.statuses(job)).toBe('queued: queued queued');
    expect(await changesSince(job, before)).toEqual([
      'job completed → requeueing USER',
      'task 1 completed → queued USER',
      'task 2 completed → queued USER',
      'job requeueing → queued USER',
    ]);
    expect((await farm.history(job)).slice(before).map(({ message, actor }) => `${actor}: ${message}`)).toEqual(
      Array(4).fill('anonymous: The wrong camera.'),
    );
  });

  it('of any other puts back what did not complete, and nothing else', async () => {
    worker = await farm.worker();
    const job = await farm.submit(independent(4), { maxAttempts: 1, failureLimitPercent: 50 });
    await completeNext();
    for (let i = 0; i < 2; i += 1) await failNext();
    expect(await farm.statuses(job)).toBe('failed: completed failed failed canceled');
    const before = await countChanges(job);
    await farm.ask('requeueJob', { id: job.id });
    expect(await farm.statuses(job)).toBe('queued: completed queued queued queued');
    expect(await changesSince(job, before)).toEqual([
      'job failed → requeueing USER',
      'task 2 failed → queued USER',
      'task 3 failed → queued USER',
      'task 4 canceled → queued USER',
      'job requeueing → queued USER',
    ]);
  });

  it('forgets failures, back-offs and blocks, and keeps attempts', async () => {
    worker = await farm.worker();
    await farm.worker('other', { taskTypes: ['video'] });
    const job = await farm.submit(independent(3), { maxAttempts: 2, failureLimitPercent: 100 });
    for (let i = 0; i < 3; i += 1) await failNext();
    farm.clock.advance(600);
    for (let i = 0; i < 3; i += 1) await failNext();
    expect(await farm.job(job)).toMatchObject({
      status: 'FAILED',
      workerBlocks: [{ worker: { id: worker.id } }],
      error: expect.stringContaining('It broke.'),
    });
    await farm.ask('requeueJob', { id: job.id });
    const view = await farm.job(job);
    expect(view).toMatchObject({ status: 'QUEUED', error: null, workerBlocks: [] });
    for (const task of view.tasks.nodes) {
      expect(task).toMatchObject({ status: 'QUEUED', failedAttempts: 0, waitingFor: 'ALL_WORKERS_BUSY' });
      expect(task.attempts.nodes).toHaveLength(2);
    }
    expect((await worker.claim())!.attempt.number).toBe(3);
  });

  it('of a canceled job with nothing completed and a chain puts the chain back as it was', async () => {
    worker = await farm.worker();
    const job = await farm.submit([[], [0], [1]]);
    await farm.ask('cancelJob', { id: job.id });
    await farm.ask('requeueJob', { id: job.id });
    for (let i = 0; i < 3; i += 1) await completeNext();
    expect(await farm.statuses(job)).toBe('completed: completed completed completed');
  });
});

describe('requeueTask', () => {
  it('puts back its transitive dependents as far as they have to be done again', async () => {
    worker = await farm.worker();
    const job = await farm.submit([[], [0], [1], []]);
    for (let i = 0; i < 4; i += 1) await completeNext();
    const before = await countChanges(job);
    expect(await farm.ask('requeueTask', { id: job.tasks[0] })).toMatchObject({
      changed: true,
      task: { status: 'QUEUED' },
      job: { status: 'QUEUED' },
    });
    expect(await farm.statuses(job)).toBe('queued: queued queued queued completed');
    expect(await changesSince(job, before)).toEqual([
      'job completed → requeueing USER',
      'task 1 completed → queued USER',
      'task 2 completed → queued DEPENDENCY_REQUEUED',
      'task 3 completed → queued DEPENDENCY_REQUEUED',
      'job requeueing → queued USER',
    ]);
    for (let i = 0; i < 3; i += 1) await completeNext();
    expect(await farm.statuses(job)).toBe('completed: completed completed completed completed');
  });

  it('stops at a dependent that a user canceled, and does not go past it', async () => {
    worker = await farm.worker();
    const job = await farm.submit([[], [0], [1], [0]]);
    await farm.ask('cancelTask', { id: job.tasks[1] });
    await completeNext();
    await completeNext();
    expect(await farm.statuses(job)).toBe('canceled: completed canceled canceled completed');
    await farm.ask('requeueTask', { id: job.tasks[0] });
    expect(await farm.statuses(job)).toBe('queued: queued canceled canceled queued');
  });

  it('also puts back a dependent that was closed because its job failed or its dependency was unfinished', async () => {
    worker = await farm.worker();
    const job = await farm.submit([[], [0], []], { maxAttempts: 1, failureLimitPercent: 100 });
    await failNext();
    await completeNext();
    expect(await farm.statuses(job)).toBe('failed: failed canceled completed');
    expect(await farm.task(job, 1)).toMatchObject({ statusReason: 'DEPENDENCY_UNFINISHED' });
    await farm.ask('requeueTask', { id: job.tasks[0] });
    for (let i = 0; i < 2; i += 1) await completeNext();
    expect(await farm.statuses(job)).toBe('completed: completed completed completed');
  });

  it('recalls an active dependent, which then waits for it, not counted', async () => {
    worker = await farm.worker('worker', { slots: 2 });
    const job = await farm.submit([[], [0], []]);
    await completeNext();
    const { attemptToken } = (await worker.claim())!;
    await farm.ask('requeueTask', { id: job.tasks[0], comment: 'Once more.' });
    expect(await farm.statuses(job)).toBe('active: queued active queued');
    expect((await worker.heartbeat()).stops).toEqual([{ attemptToken, reason: 'RECALLED' }]);
    await worker.stopped(attemptToken);
    expect(await farm.statuses(job)).toBe('active: queued queued queued');
    expect(await farm.task(job, 1)).toMatchObject({
      statusReason: 'DEPENDENCY_REQUEUED',
      failedAttempts: 0,
      waitingFor: 'DEPENDENCY',
    });
    expect((await worker.claim())!.task.name).toBe('task 1');
  });

  it('is refused while a dependency failed or was canceled, and names those', async () => {
    worker = await farm.worker();
    const job = await farm.submit([[], [], [0, 1], []], { maxAttempts: 1, failureLimitPercent: 100 });
    await failNext();
    await farm.ask('cancelTask', { id: job.tasks[1] });
    await completeNext();
    expect(await farm.statuses(job)).toBe('failed: failed canceled canceled completed');
    const before = await farm.dump();
    expect(await farm.ask('requeueTask', { id: job.tasks[2] })).toMatchObject({
      __typename: 'DependencyUnfinishedError',
      code: 'DEPENDENCY_UNFINISHED',
      dependencies: [{ name: 'task 1' }, { name: 'task 2' }],
      message: expect.stringContaining('"task 1" (failed), "task 2" (canceled)'),
    });
    expect(await farm.dump()).toEqual(before);
  });

  it('is not offered meanwhile: no button, and no refusal that names it', async () => {
    worker = await farm.worker();
    const job = await farm.submit([[], [0], []], { maxAttempts: 1, failureLimitPercent: 100 });
    await failNext();
    await completeNext();
    expect(await farm.statuses(job)).toBe('failed: failed canceled completed');
    expect((await farm.task(job, 1)).allowedActions).toEqual([]);
    const wrong = { id: job.tasks[1], status: 'ACTIVE' };
    expect(await farm.ask('setTaskStatus', wrong)).toMatchObject({
      __typename: 'TaskTransitionError',
      allowed: [],
      message: expect.stringContaining('there is nothing to ask for now'),
    });
    await farm.ask('requeueTask', { id: job.tasks[0] });
    await farm.ask('cancelTask', { id: job.tasks[1] });
    expect((await farm.task(job, 1)).allowedActions).toEqual(['REQUEUE']);
    expect((await farm.ask('setTaskStatus', wrong)).allowed).toEqual(['QUEUED']);
  });

  it('forgets the failures of that task, so that it may be given out at once', async () => {
    worker = await farm.worker();
    const job = await farm.submit(independent(1));
    await failNext();
    expect(await worker.claim()).toBeNull();
    await farm.ask('requeueTask', { id: job.tasks[0] });
    expect(await farm.task(job)).toMatchObject({ status: 'QUEUED', statusReason: 'USER', failedAttempts: 0 });
    expect(await worker.claim()).not.toBeNull();
  });

  it('keeps blocks: the worker has failed the others', async () => {
    worker = await farm.worker();
    await farm.worker('other');
    const job = await farm.submit(independent(3), { failureLimitPercent: 100 });
    for (let i = 0; i < 3; i += 1) await failNext();
    await farm.ask('requeueTask', { id: job.tasks[0] });
    expect((await farm.job(job)).workerBlocks).toHaveLength(1);
  });
});

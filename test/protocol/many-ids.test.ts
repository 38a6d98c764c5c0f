import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../support/farm.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

const kinds = (answers: readonly { __typename: string; changed?: boolean }[]) =>
  answers.map(({ __typename, changed }) => (changed === undefined ? __typename : changed));

describe('cancelJobs, requeueJobs and deleteJobs', () => {
  it('answer one by one, in the order of the ids; an error of one leaves the others alone', async () => {
    const [first, second] = [await farm.submit(independent(1)), await farm.submit(independent(1))];
    expect(
      kinds(await farm.ask('cancelJobs', { ids: [second.id, 'nonsense', first.id], comment: 'Too late.' })),
    ).toEqual([true, 'NotFoundError', true]);
    expect(kinds(await farm.ask('cancelJobs', { ids: [first.id] }))).toEqual(['JobTransitionError']);
    expect(kinds(await farm.ask('requeueJobs', { ids: [first.id, second.id] }))).toEqual([true, true]);
    expect((await farm.history(first)).filter(({ to }) => to === 'cancel-requested')).toMatchObject([
      { message: 'Too late.' },
    ]);
  });

  it('say of an id that stands there twice that it was changed already, or deleted', async () => {
    const job = await farm.submit(independent(1));
    expect(kinds(await farm.ask('cancelJobs', { ids: [job.id, job.id] }))).toEqual([true, false]);
    expect(kinds(await farm.ask('requeueJobs', { ids: [job.id, job.id] }))).toEqual([true, false]);
    expect(kinds(await farm.ask('deleteJobs', { ids: [job.id, job.id] }))).toEqual(['DeleteSuccess', 'NotFoundError']);
  });

  it('refuse more than 1,000 ids', async () => {
    await expect(farm.ask('cancelJobs', { ids: Array(1001).fill('x') })).rejects.toThrow('1000');
    await expect(farm.ask('cancelTasks', { ids: Array(1001).fill('x') })).rejects.toThrow('1000');
  });
});

describe('cancelTasks', () => {
  it('go by the dependencies: what was closed with the job already is not canceled once more', async () => {
    const job = await farm.submit([[], [0]]);
    const [frame, video] = job.tasks;
    expect(kinds(await farm.ask('cancelTasks', { ids: [video, frame, 'nonsense', frame] }))).toEqual([
      false,
      true,
      'NotFoundError',
      false,
    ]);
    expect(await farm.changes(job)).toEqual([
      'task 1 queued → canceled USER',
      'task 2 queued → canceled DEPENDENCY_UNFINISHED',
      'job queued → canceled FINISHED',
    ]);
  });

  it('tell each active one to stop, once', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(2));
    await worker.claim();
    const [first, second] = job.tasks;
    expect(kinds(await farm.ask('cancelTasks', { ids: [first, second, first] }))).toEqual([true, true, false]);
    expect(await farm.statuses(job)).toBe('active: active canceled');
  });
});

describe('requeueTasks', () => {
  it('go by the dependencies, whatever the order of the ids', async () => {
    const worker = await farm.worker();
    const job = await farm.submit([[], [0], [1], []], { maxAttempts: 1, failureLimitPercent: 100 });
    await worker.fail((await worker.claim())!.attemptToken);
    await worker.complete((await worker.claim())!.attemptToken);
    expect(await farm.statuses(job)).toBe('failed: failed canceled canceled completed');
    const [a, b, c, d] = job.tasks;
    expect(kinds(await farm.ask('requeueTasks', { ids: [c, b, d, a] }))).toEqual([false, false, true, true]);
    expect(await farm.statuses(job)).toBe('queued: queued queued queued queued');
  });

  it('refuse what cannot be requeued, each for itself', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(2));
    await worker.complete((await worker.claim())!.attemptToken);
    const [first, second] = job.tasks;
    expect(kinds(await farm.ask('requeueTasks', { ids: [second, first] }))).toEqual(['TaskTransitionError', true]);
  });
});

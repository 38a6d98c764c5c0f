import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../support/farm.ts';
import type { FarmWorker } from '../support/farm-worker.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ leaseSeconds: 100_000 });
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

/** What a worker with many slots is given, one after the other, as `job: task`. */
async function giveAll(worker: FarmWorker, slots = 20): Promise<string[]> {
  const { assignments } = await worker.sync({ freeSlots: slots });
  for (const { attemptToken } of assignments) worker.running.add(attemptToken);
  return assignments.map(({ task }) => `${task.job.name}: ${task.name}`);
}
/** Submits one after the other: each is older than the next. */
async function submit(name: string, tasks: number, input: Record<string, unknown> & { settings?: object } = {}) {
  farm.clock.advance(1);
  return await farm.submit(independent(tasks), { name, failureLimitPercent: 100, ...input });
}

describe('the order of work', () => {
  it('is the priority first', async () => {
    await submit('low', 1, { priority: 10 });
    await submit('high', 2, { priority: 90 });
    await submit('middle', 1);
    expect(await giveAll(await farm.worker('worker', { slots: 20 }))).toEqual([
      'high: task 1',
      'high: task 2',
      'middle: task 1',
      'low: task 1',
    ]);
  });

  it('is the job with fewer running tasks then, then the older one: equal jobs take turns', async () => {
    await submit('a', 3);
    await submit('b', 2);
    expect(await giveAll(await farm.worker('worker', { slots: 20 }))).toEqual([
      'a: task 1',
      'b: task 1',
      'a: task 2',
      'b: task 2',
      'a: task 3',
    ]);
  });

  it('gives two equal short jobs a worker each before a long one of low priority gets the third', async () => {
    await submit('long', 10, { priority: 10 });
    await submit('short 1', 1);
    await submit('short 2', 1);
    const given = [];
    for (let i = 0; i < 3; i += 1) given.push(...(await giveAll(await farm.worker(), 1)));
    expect(given).toEqual(['short 1: task 1', 'short 2: task 1', 'long: task 1']);
  });

  it('lets no job take the whole farm while an equal one waits, whoever came first', async () => {
    const workers = [];
    for (let i = 0; i < 4; i += 1) workers.push(await farm.worker());
    await submit('first', 10);
    for (const worker of workers) await worker.claim();
    await submit('second', 10);
    const given = [];
    for (const worker of workers) {
      await worker.complete([...worker.running][0]!);
      given.push(...(await giveAll(worker, 1)));
    }
    expect(given.map((name) => name.split(':')[0]).sort()).toEqual(['first', 'first', 'second', 'second']);
  });

  it('is the index within a job, also across task types and after a failure', async () => {
    const worker = await farm.worker();
    await submit('job', 4, { settings: { types: 'misc,video,misc,video' } });
    const names = [];
    for (let i = 0; i < 2; i += 1) {
      const { task, attemptToken } = (await worker.claim())!;
      names.push(task.name);
      await worker.fail(attemptToken);
    }
    farm.clock.advance(600);
    for (let i = 0; i < 4; i += 1) {
      const { task, attemptToken } = (await worker.claim())!;
      names.push(task.name);
      await worker.complete(attemptToken);
    }
    expect(names).toEqual(['task 1', 'task 2', 'task 1', 'task 2', 'task 3', 'task 4']);
  });

  it('does not pass over a job because the worker leaves its first tasks alone', async () => {
    const worker = await farm.worker();
    await farm.worker('other');
    await submit('high', 20, { priority: 90 });
    await submit('low', 1, { priority: 10 });
    for (let i = 0; i < 2; i += 1) await worker.fail((await worker.claim())!.attemptToken);
    expect(await giveAll(worker, 1)).toEqual(['high: task 3']);
  });

  it('is decided anew by a change of priority; what runs goes on', async () => {
    const worker = await farm.worker('worker', { slots: 2 });
    const a = await submit('a', 2);
    const b = await submit('b', 2);
    expect(await giveAll(worker, 1)).toEqual(['a: task 1']);
    await farm.ask('updateJob', { id: b.id, priority: 51 });
    expect(await giveAll(worker, 1)).toEqual(['b: task 1']);
    expect(await farm.statuses(a)).toBe('active: active queued');
  });

  it('finds the job that a worker can do behind many that it cannot', async () => {
    for (let i = 0; i < 60; i += 1) await submit(`gpu ${i}`, 1, { workerTag: 'gpu', priority: 90 });
    await submit('plain', 1, { priority: 10, settings: { types: 'video' } });
    const [worker, gpu] = [
      await farm.worker('worker', { taskTypes: ['video'] }),
      await farm.worker('gpu', { tags: ['gpu'] }),
    ];
    const [first, second] = await Promise.all([gpu.sync({ freeSlots: 1 }), worker.sync({ freeSlots: 1 })]);
    expect([first, second].map(({ assignments }) => assignments[0]?.task.job.name)).toEqual(['gpu 0', 'plain']);
  });

  it('reads on behind many jobs of which it may have nothing now', async () => {
    const worker = await farm.worker('worker', { slots: 64 });
    await farm.worker('other');
    for (let i = 0; i < 60; i += 1) await submit(`bad ${i}`, 1, { priority: 90 });
    await submit('good', 1);
    const { assignments } = await worker.sync({ freeSlots: 60 });
    const reports = assignments.map(({ attemptToken }) => ({
      attemptToken,
      sequence: 1,
      at: '2026-01-01T12:00:00Z',
      event: { failed: { kind: 'OTHER', message: 'It broke.' } },
    }));
    await worker.sync({ running: [], freeSlots: 0, reports });
    expect(await giveAll(worker, 1)).toEqual(['good: task 1']);
  });

  it('puts the job that is being reported on behind all that come before it, however many these are', async () => {
    const worker = await farm.worker('worker', { slots: 64 });
    await submit('low', 9, { priority: 10 });
    const { attemptToken } = (await worker.claim())!;
    for (let i = 0; i < 60; i += 1) await submit(`high ${i}`, 1, { priority: 90 });
    const { assignments } = await worker.complete(attemptToken, { freeSlots: 62 });
    expect(assignments.map(({ task }) => task.job.name).filter((name) => name === 'low')).toHaveLength(2);
    expect(assignments).toHaveLength(62);
  });

  it('gives each of many equal jobs a worker before any of them gets a second one', async () => {
    for (let i = 0; i < 60; i += 1) await submit(`job ${i}`, 2);
    const given = await giveAll(await farm.worker('worker', { slots: 64 }), 64);
    expect(given.slice(0, 60).sort()).toEqual(Array.from({ length: 60 }, (_, i) => `job ${i}: task 1`).sort());
    expect(given.slice(60)).toEqual(['job 0: task 2', 'job 1: task 2', 'job 2: task 2', 'job 3: task 2']);
  });
});

describe('maxWorkers', () => {
  it('bounds the live attempts of a job, those told to stop included', async () => {
    const worker = await farm.worker('worker', { slots: 20 });
    const job = await submit('job', 5, { maxWorkers: 2 });
    expect(await giveAll(worker)).toEqual(['job: task 1', 'job: task 2']);
    await farm.ask('cancelTask', { id: job.tasks[0] });
    expect(await giveAll(worker)).toEqual([]);
    await worker.stopped([...worker.running][0]!);
    expect(await giveAll(worker)).toEqual(['job: task 3']);
  });

  it('of 0 holds the job; what runs goes on', async () => {
    const worker = await farm.worker('worker', { slots: 20 });
    const job = await submit('job', 3, { maxWorkers: 1 });
    expect(await giveAll(worker)).toEqual(['job: task 1']);
    await farm.ask('updateJob', { id: job.id, maxWorkers: 0 });
    await worker.complete([...worker.running][0]!);
    expect(await giveAll(worker)).toEqual([]);
    await farm.ask('updateJob', { id: job.id, maxWorkers: null });
    expect(await giveAll(worker)).toEqual(['job: task 2', 'job: task 3']);
  });

  it('that is lowered below what runs stops nothing', async () => {
    const worker = await farm.worker('worker', { slots: 20 });
    const job = await submit('job', 4, { maxWorkers: 3 });
    await giveAll(worker);
    await farm.ask('updateJob', { id: job.id, maxWorkers: 1 });
    expect((await worker.heartbeat()).stops).toEqual([]);
    await worker.complete([...worker.running][0]!);
    expect(await giveAll(worker)).toEqual([]);
  });
});

describe('only what the worker can do', () => {
  it('is given to it: its task types and its tag', async () => {
    const [video, gpu] = [
      await farm.worker('video', { taskTypes: ['video'] }),
      await farm.worker('gpu', { tags: ['gpu', 'fast'], slots: 5 }),
    ];
    await submit('job', 2, { settings: { types: 'misc,video' } });
    await submit('tagged', 1, { workerTag: 'gpu', settings: { types: 'video' } });
    expect(await giveAll(video)).toEqual(['job: task 2']);
    expect(await giveAll(gpu)).toEqual(['tagged: task 1', 'job: task 1']);
  });

  it('and never what waits for something else', async () => {
    const worker = await farm.worker('worker', { slots: 5 });
    farm.clock.advance(1);
    await farm.submit([[], [0], [1]], { name: 'chain' });
    expect(await giveAll(worker)).toEqual(['chain: task 1']);
  });
});

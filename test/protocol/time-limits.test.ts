import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../support/farm.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
  // A gateway that has just started ends nothing: workers have one lease to say what they could not say before.
  farm.clock.advance(60);
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

describe('noOutputTimeoutSeconds', () => {
  const begin = async (input: object) => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1), { ...input });
    const { attemptToken } = (await worker.claim())!;
    /** Time passes, and the worker is alive. */
    const pass = async (seconds: number) => {
      farm.clock.advance(seconds);
      await worker.heartbeat();
      await farm.sweep();
    };
    return { worker, job, attemptToken, pass };
  };

  it('ends an attempt that has given no output for so long, counted, and its worker is told', async () => {
    const { worker, job, attemptToken, pass } = await begin({ noOutputTimeoutSeconds: 300 });
    await pass(299);
    expect(await farm.statuses(job)).toBe('active: active');
    await pass(1);
    expect(await farm.task(job)).toMatchObject({ status: 'SOFT_FAILED', statusReason: 'TIMED_OUT', failedAttempts: 1 });
    expect((await farm.task(job)).attempts.nodes).toMatchObject([
      {
        outcome: 'TIMED_OUT',
        failure: { kind: 'TIMED_OUT', message: 'The task gave no output for 300 s (noOutputTimeoutSeconds).' },
      },
    ]);
    expect((await worker.heartbeat()).stops).toEqual([{ attemptToken, reason: 'TIMED_OUT' }]);
  });

  it.each(['a log chunk', 'a progress report'])('begins anew with %s', async (output) => {
    const { worker, job, attemptToken, pass } = await begin({ noOutputTimeoutSeconds: 300 });
    for (let i = 0; i < 3; i += 1) {
      await pass(299);
      if (output === 'a log chunk') await worker.appendLog(attemptToken, i * 5, 'line\n');
      else await worker.report(attemptToken, { progress: { fraction: 0.1 * i } });
    }
    expect(await farm.statuses(job)).toBe('active: active');
    await pass(300);
    expect(await farm.statuses(job)).toBe('active: soft-failed');
  });

  it('does not begin anew with a log chunk that was sent again', async () => {
    const { worker, job, attemptToken, pass } = await begin({ noOutputTimeoutSeconds: 300 });
    await worker.appendLog(attemptToken, 0, 'line\n');
    await pass(299);
    await worker.appendLog(attemptToken, 0, 'line\n');
    await pass(1);
    expect(await farm.statuses(job)).toBe('active: soft-failed');
  });

  it('is an hour where nothing is said, and off with null', async () => {
    const { job, pass } = await begin({});
    await pass(3599);
    expect(await farm.statuses(job)).toBe('active: active');
    await pass(1);
    expect(await farm.statuses(job)).toBe('active: soft-failed');
    await farm.ask('cancelJob', { id: job.id });
    const off = await begin({ noOutputTimeoutSeconds: null });
    await off.pass(86_400 * 3);
    expect(await farm.statuses(off.job)).toBe('active: active');
  });

  it('counts as a try: the last one makes the task fail', async () => {
    const { job, pass } = await begin({ noOutputTimeoutSeconds: 10, maxAttempts: 1 });
    await pass(10);
    expect(await farm.job(job)).toMatchObject({
      status: 'FAILED',
      error: expect.stringContaining('gave no output for 10 s'),
    });
  });
});

describe('taskTimeoutSeconds', () => {
  it('ends an attempt that runs for so long, whatever it prints', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1), { taskTimeoutSeconds: 1000 });
    const { attemptToken } = (await worker.claim())!;
    for (const seconds of [500, 499]) {
      farm.clock.advance(seconds);
      await worker.report(attemptToken, { progress: { fraction: 0.5 } });
      await farm.sweep();
    }
    expect(await farm.statuses(job)).toBe('active: active');
    farm.clock.advance(1);
    await farm.sweep();
    expect((await farm.task(job)).attempts.nodes).toMatchObject([
      { outcome: 'TIMED_OUT', failure: { message: expect.stringContaining('longer than the 1000 s') } },
    ]);
  });

  it('counts from the start of each attempt', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1), { taskTimeoutSeconds: 100 });
    await worker.claim();
    farm.clock.advance(100);
    await worker.heartbeat();
    await farm.sweep();
    farm.clock.advance(30);
    worker.running.clear();
    await worker.claim();
    farm.clock.advance(99);
    await worker.heartbeat();
    await farm.sweep();
    expect(await farm.statuses(job)).toBe('active: active');
  });
});

describe('an order to stop', () => {
  it('counts its 60 seconds from the first answer that carried it', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    await worker.claim();
    await farm.ask('cancelJob', { id: job.id });
    // The worker is alive and has not heard of it yet.
    farm.clock.advance(59);
    await worker.heartbeat();
    farm.clock.advance(59);
    await worker.heartbeat();
    await farm.sweep();
    expect(await farm.statuses(job)).toBe('cancel-requested: active');
    farm.clock.advance(1);
    await farm.sweep();
    expect(await farm.statuses(job)).toBe('canceled: canceled');
    expect((await farm.task(job)).attempts.nodes).toMatchObject([{ outcome: 'STOPPED' }]);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm, storedId } from '../support/farm.ts';
import type { FarmWorker } from '../support/farm-worker.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

const reportOf = (attemptToken: string, sequence: number, event: object) => ({
  attemptToken,
  sequence,
  at: '2026-01-01T12:00:00Z',
  event,
});
const PROGRESS = { progress: { fraction: 0.5 } };
const COMPLETED = { completed: { outputs: [] } };
const FAILED = { failed: { kind: 'OTHER', message: 'It broke.' } };
const kinds = ({ reports }: { reports: { __typename: string }[] }) => reports.map(({ __typename }) => __typename);
const tokens = (items: readonly { attemptToken: string }[]) => items.map(({ attemptToken }) => attemptToken);

describe('reports', () => {
  it('are taken before anything else: what ends in the call makes room for the next task in the same answer', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(2));
    const first = await worker.claim();
    const answer = await worker.complete(first!.attemptToken, { freeSlots: 1 });
    expect(kinds(answer)).toEqual(['ReportAccepted']);
    expect(answer.assignments.map(({ task }) => task.name)).toEqual(['task 2']);
    expect(await farm.statuses(job)).toBe('active: completed active');
  });

  it('are answered one by one, in their order', async () => {
    const worker = await farm.worker('worker', { slots: 2 });
    await farm.submit(independent(2));
    const { assignments } = await worker.sync({ freeSlots: 2 });
    const [first, second] = tokens(assignments) as [string, string];
    const reports = [
      reportOf(first, 1, PROGRESS),
      reportOf('nonsense', 1, PROGRESS),
      reportOf(second, 1, FAILED),
      reportOf(first, 2, COMPLETED),
      reportOf(second, 2, PROGRESS),
    ];
    const answer = await worker.sync({ freeSlots: 0, reports });
    expect(kinds(answer)).toEqual([
      'ReportAccepted',
      'StaleAttemptError',
      'ReportAccepted',
      'ReportAccepted',
      'StaleAttemptError',
    ]);
  });

  it('that were taken already are accepted and change nothing, whatever became of the attempt', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(2));
    const { attemptToken } = (await worker.claim())!;
    const report = reportOf(attemptToken, 5, FAILED);
    await worker.sync({ running: [], freeSlots: 0, reports: [reportOf(attemptToken, 2, PROGRESS), report] });
    const before = await farm.dump();
    for (const again of [
      report,
      reportOf(attemptToken, 2, PROGRESS),
      reportOf(attemptToken, 1, COMPLETED),
      reportOf(attemptToken, 5, COMPLETED),
    ])
      expect(kinds(await worker.sync({ running: [], freeSlots: 0, reports: [again] }))).toEqual(['ReportAccepted']);
    expect(await farm.dump()).toEqual(before);
    await farm.ask('cancelJob', { id: job.id });
    expect(kinds(await worker.sync({ running: [], freeSlots: 0, reports: [report] }))).toEqual(['ReportAccepted']);
  });

  it('of an attempt that has ended are stale and change nothing', async () => {
    const worker = await farm.worker();
    await farm.submit(independent(2));
    const { attemptToken } = (await worker.claim())!;
    await worker.fail(attemptToken);
    const before = await farm.dump();
    for (const event of [PROGRESS, COMPLETED, FAILED, { stopped: { handedBack: true } }])
      expect(
        kinds(await worker.sync({ running: [], freeSlots: 0, reports: [reportOf(attemptToken, 99, event)] })),
      ).toEqual(['StaleAttemptError']);
    expect(await farm.dump()).toEqual(before);
  });

  it('never revive a canceled job', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(2));
    const { attemptToken } = (await worker.claim())!;
    await farm.ask('cancelJob', { id: job.id });
    await worker.sync();
    await worker.stopped(attemptToken);
    expect(await farm.statuses(job)).toBe('canceled: canceled canceled');
    for (const event of [PROGRESS, COMPLETED])
      expect(
        kinds(await worker.sync({ running: [], freeSlots: 0, reports: [reportOf(attemptToken, 99, event)] })),
      ).toEqual(['StaleAttemptError']);
    expect(await farm.statuses(job)).toBe('canceled: canceled canceled');
  });

  it('of another worker or of a deleted job are stale', async () => {
    const worker = await farm.worker();
    const thief = await farm.worker('thief');
    const job = await farm.submit(independent(1));
    const { attemptToken } = (await worker.claim())!;
    expect(kinds(await thief.complete(attemptToken))).toEqual(['StaleAttemptError']);
    expect(await farm.statuses(job)).toBe('active: active');
    await worker.complete(attemptToken);
    await farm.ask('deleteJob', { id: job.id });
    expect(kinds(await worker.complete(attemptToken))).toEqual(['StaleAttemptError']);
  });

  it('of progress set how much is done, and the activity', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1), { settings: { framesEach: 4 } });
    const { attemptToken } = (await worker.claim())!;
    await worker.report(attemptToken, { progress: { fraction: 0.5, frame: 2, activity: 'Sample 3/8' } });
    const { rows } = await farm.query('SELECT progress, frames_done, activity FROM task WHERE id = $1', [
      storedId(job.tasks[0]!),
    ]);
    expect(rows).toEqual([{ progress: 0.5, frames_done: 2, activity: 'Sample 3/8' }]);
  });

  it('store each output once', async () => {
    const worker = await farm.worker();
    await farm.submit(independent(1), { settings: { framesEach: 2 } });
    const { attemptToken } = (await worker.claim())!;
    const outputs = [1, 2].map((frame) => ({
      frame,
      path: `/out/shot_${frame}.png`,
      bytes: 5_000_000_000,
      renderSeconds: 1.5,
    }));
    const report = reportOf(attemptToken, 1, { completed: { outputs: [...outputs, outputs[0]] } });
    for (let i = 0; i < 2; i += 1) await worker.sync({ running: [], freeSlots: 0, reports: [report] });
    const { rows } = await farm.query('SELECT frame, path, bytes::text FROM output ORDER BY frame');
    expect(rows).toEqual(outputs.map(({ frame, path }) => ({ frame, path, bytes: '5000000000' })));
  });

  it('with half a surrogate pair or a NUL in a message are taken, and nobody else in the batch suffers', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(2));
    const { attemptToken } = (await worker.claim())!;
    const long = `${'x'.repeat(9_999)}😀`;
    expect(
      kinds(await worker.report(attemptToken, { progress: { fraction: 0.1, activity: `${'y'.repeat(199)}😀` } })),
    ).toEqual(['ReportAccepted']);
    expect(kinds(await worker.fail(attemptToken, `\0\ud800 ${long}`))).toEqual(['ReportAccepted']);
    expect((await farm.task(job)).attempts.nodes[0]!.failure!.message).toMatch(/^\ufffd xxx/);
  });
});

describe('running', () => {
  it('without an attempt that is live: it is sent again, as often as it is missing', async () => {
    const worker = await farm.worker();
    await farm.submit(independent(2));
    const { assignments } = await worker.sync();
    for (let i = 0; i < 2; i += 1) {
      const again = await worker.sync({ running: [], freeSlots: 1 });
      expect(again.assignments).toEqual(assignments);
    }
  });

  it('leaves out attempts that end in the same call: they are not sent again', async () => {
    const worker = await farm.worker();
    await farm.submit(independent(1));
    const { attemptToken } = (await worker.claim())!;
    expect(await worker.complete(attemptToken)).toMatchObject({ assignments: [], stops: [] });
  });

  it.each(['nonsense', '00000000-0000-4000-8000-000000000000'])(
    'with the unknown token %j: SUPERSEDED',
    async (token) => {
      const worker = await farm.worker();
      expect(await worker.sync({ running: [token] })).toMatchObject({
        stops: [{ attemptToken: token, reason: 'SUPERSEDED' }],
      });
    },
  );

  it("with another worker's token: SUPERSEDED", async () => {
    const worker = await farm.worker();
    const thief = await farm.worker('thief');
    await farm.submit(independent(1));
    const { attemptToken } = (await worker.claim())!;
    expect(await thief.sync({ running: [attemptToken] })).toMatchObject({
      stops: [{ attemptToken, reason: 'SUPERSEDED' }],
    });
    expect(await worker.sync()).toMatchObject({ stops: [] });
  });

  it('with an attempt that has ended: SUPERSEDED, with one that timed out: TIMED_OUT', async () => {
    const worker = await farm.worker('worker', { slots: 2 });
    await farm.submit(independent(2), { noOutputTimeoutSeconds: 100 });
    const { assignments } = await worker.sync({ freeSlots: 2 });
    const [failed, hung] = tokens(assignments) as [string, string];
    await worker.sync({ running: [hung], freeSlots: 0, reports: [reportOf(failed, 1, FAILED)] });
    farm.clock.advance(100);
    await worker.sync({ running: [hung], freeSlots: 0 });
    await farm.sweep();
    const { stops } = await worker.sync({ running: [failed, hung], freeSlots: 0 });
    expect(stops).toEqual([
      { attemptToken: failed, reason: 'SUPERSEDED' },
      { attemptToken: hung, reason: 'TIMED_OUT' },
    ]);
  });

  it('with an attempt that was told to stop: the order is repeated until it is confirmed', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    const { attemptToken } = (await worker.claim())!;
    await farm.ask('cancelTask', { id: job.tasks[0] });
    for (let i = 0; i < 2; i += 1)
      expect(await worker.sync()).toMatchObject({ stops: [{ attemptToken, reason: 'CANCELED' }] });
    expect(await worker.stopped(attemptToken)).toMatchObject({ stops: [] });
    expect(await farm.statuses(job)).toBe('canceled: canceled');
  });

  it('without an attempt that was told to stop: it is gone, and ends as STOPPED', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    const { attemptToken } = (await worker.claim())!;
    await farm.ask('cancelJob', { id: job.id });
    expect(await worker.sync({ running: [], freeSlots: 0 })).toMatchObject({ assignments: [], stops: [] });
    expect(await farm.statuses(job)).toBe('canceled: canceled');
    expect((await farm.task(job)).attempts.nodes).toMatchObject([{ outcome: 'STOPPED' }]);
    expect(kinds(await worker.stopped(attemptToken))).toEqual(['StaleAttemptError']);
  });
});

describe('freeSlots', () => {
  const held = async (worker: FarmWorker) =>
    Number(
      (
        await farm.query('SELECT count(*) FROM attempt WHERE worker_id = $1 AND ended_at IS NULL', [
          storedId(worker.id),
        ])
      ).rows[0]!.count,
    );

  it('never gives a worker more than its slots, whatever it asks for', async () => {
    const worker = await farm.worker('worker', { slots: 2 });
    await farm.submit(independent(6));
    const { assignments } = await worker.sync({ freeSlots: 64 });
    expect(assignments).toHaveLength(2);
    await worker.sync({ running: tokens(assignments), freeSlots: 64 });
    expect(await held(worker)).toBe(2);
  });

  it('never gives a worker more than its slots when it calls many times at once', async () => {
    const worker = await farm.worker('worker', { slots: 2 });
    await farm.submit(independent(20));
    await Promise.all(Array.from({ length: 8 }, () => worker.sync({ freeSlots: 2 })));
    expect(await held(worker)).toBe(2);
  });

  it('gives less where the worker asks for less', async () => {
    const worker = await farm.worker('worker', { slots: 4 });
    await farm.submit(independent(6));
    expect((await worker.sync({ freeSlots: 3 })).assignments).toHaveLength(3);
  });

  it('of many workers at once: each task goes to exactly one of them', async () => {
    const workers = await Promise.all(Array.from({ length: 8 }, () => farm.worker()));
    await farm.submit(independent(5));
    const answers = await Promise.all(workers.map((worker) => worker.sync()));
    const given = answers.flatMap(({ assignments }) => assignments.map(({ task }) => task.name));
    expect(given.sort()).toEqual(['task 1', 'task 2', 'task 3', 'task 4', 'task 5']);
  });
});

describe('a worker that is asleep', () => {
  it('gets no work, by its own word', async () => {
    const worker = await farm.worker();
    await farm.submit(independent(1));
    expect((await worker.sync({ status: 'ASLEEP' })).assignments).toEqual([]);
    expect((await worker.sync({ status: 'AWAKE' })).assignments).toHaveLength(1);
  });

  it.each(['ASLEEP', 'OFFLINE', 'RESTART'])('or has been asked to be %s gets no work, and is told', async (status) => {
    const worker = await farm.worker();
    await farm.submit(independent(1));
    await farm.ask('requestWorkerStatus', { id: worker.id, status });
    expect(await worker.sync()).toMatchObject({ assignments: [], requestedStatus: status });
  });
});

describe('assignments', () => {
  it('leave out frames that are there only until the task has completed once', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    const skips = async () => {
      const { attemptToken, commands } = (await worker.claim())!;
      await worker.complete(attemptToken);
      return commands[0]!.parameters.skipExisting;
    };
    expect(await skips()).toBe(true);
    await farm.ask('requeueJob', { id: job.id });
    expect(await skips()).toBe(false);
  });
});

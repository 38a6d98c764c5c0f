import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createSweep } from '../../src/sweep/sweep.ts';
import { Farm } from '../support/farm.ts';
import { until } from '../support/processes.ts';
import { independent } from '../support/shape-job-type.ts';

const LEASE = 60;
let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ leaseSeconds: LEASE });
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

const lose = async () => {
  farm.clock.advance(LEASE);
  await farm.sweep();
};
const attemptsOf = async (index = 0) =>
  (
    await farm.query(
      'SELECT attempt.number, outcome, session_number FROM attempt JOIN task ON task.id = task_id WHERE task.index = $1 ORDER BY attempt.number',
      [index],
    )
  ).rows;
const silentLogger = pino({ level: 'silent' });

describe('a lease', () => {
  it('ends a silent worker and its attempts when it is over, not a second earlier', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    await worker.claim();
    farm.clock.advance(LEASE - 1);
    await farm.sweep();
    expect(await farm.statuses(job)).toBe('active: active');
    farm.clock.advance(1);
    await farm.sweep();
    expect(await farm.task(job)).toMatchObject({
      status: 'SOFT_FAILED',
      statusReason: 'WORKER_LOST',
      failedAttempts: 1,
    });
    expect((await farm.task(job)).attempts.nodes).toMatchObject([
      { outcome: 'LOST', failure: { kind: 'WORKER_LOST' } },
    ]);
    expect((await farm.query('SELECT status FROM worker')).rows).toEqual([{ status: 'LOST' }]);
  });

  it('is kept by any call, and never by another worker', async () => {
    const worker = await farm.worker();
    const other = await farm.worker('other');
    const job = await farm.submit(independent(2));
    await worker.claim();
    await other.claim();
    for (let i = 0; i < 4; i += 1) {
      farm.clock.advance(LEASE / 2);
      await worker.heartbeat();
      await farm.sweep();
    }
    expect(await farm.statuses(job)).toBe('active: active soft-failed');
  });

  it('of a worker that comes back makes it awake again', async () => {
    const worker = await farm.worker();
    await lose();
    await worker.heartbeat();
    expect((await farm.query('SELECT status FROM worker')).rows).toEqual([{ status: 'AWAKE' }]);
  });

  it('ends for nobody before the gateway itself has been up for a whole one, nor does a time limit', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    await worker.claim();
    // The gateway was away for an hour.
    farm.clock.advance(3600);
    const sweep = createSweep(farm.gateway.store, silentLogger);
    await sweep.endWhatIsDue();
    farm.clock.advance(LEASE - 1);
    await sweep.endWhatIsDue();
    expect(await farm.statuses(job)).toBe('active: active');
    farm.clock.advance(1);
    await sweep.endWhatIsDue();
    expect(await farm.statuses(job)).toBe('active: soft-failed');
  });

  it('ends for nobody before the gateway has been connected to its database for a whole one', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    await worker.claim();
    const { config } = farm.gateway.database;
    const outside = new Client({ ...config, database: 'postgres' });
    await outside.connect();
    await outside.query(`ALTER DATABASE "${config.database}" WITH ALLOW_CONNECTIONS false`);
    await outside.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [config.database]);
    farm.clock.advance(3600);
    await expect(farm.sweep()).rejects.toThrow();
    await outside.query(`ALTER DATABASE "${config.database}" WITH ALLOW_CONNECTIONS true`);
    await outside.end();
    // A connection may be found broken only when it is used.
    await until(() =>
      farm.sweep().then(
        () => true,
        () => false,
      ),
    );
    farm.clock.advance(LEASE - 1);
    await farm.sweep();
    expect(await farm.statuses(job)).toBe('active: active');
    farm.clock.advance(1);
    await farm.sweep();
    expect(await farm.statuses(job)).toBe('active: soft-failed');
  });
});

describe('a lost attempt', () => {
  it('goes on where it was when its worker says that it is running, and its failure is taken back', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    await worker.claim();
    await lose();
    expect(await worker.heartbeat()).toMatchObject({ assignments: [], stops: [] });
    expect(await farm.task(job)).toMatchObject({
      status: 'ACTIVE',
      statusReason: 'ATTEMPT_RESUMED',
      failedAttempts: 0,
    });
    expect(await attemptsOf()).toMatchObject([{ number: 1, outcome: null }]);
    expect(await farm.changes(job, 4)).toEqual([
      'task 1 active → soft-failed WORKER_LOST',
      'task 1 soft-failed → queued ATTEMPT_RESUMED',
      'task 1 queued → active ATTEMPT_RESUMED',
    ]);
    expect((await farm.query('SELECT failures, losses FROM task_failure')).rows).toEqual([{ failures: 0, losses: 0 }]);
  });

  it('also by a progress report', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    const { attemptToken } = (await worker.claim())!;
    await lose();
    expect((await worker.report(attemptToken, { progress: { fraction: 0.25 } })).reports).toMatchObject([
      { __typename: 'ReportAccepted' },
    ]);
    expect(await farm.statuses(job)).toBe('active: active');
  });

  it('is superseded once another worker has had its task, even where that one has handed it back', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    const { attemptToken } = (await worker.claim())!;
    await lose();
    const other = await farm.worker('other');
    await other.stopped((await other.claim())!.attemptToken, true);
    expect(await farm.task(job)).toMatchObject({ status: 'SOFT_FAILED', failedAttempts: 1 });
    expect((await worker.heartbeat()).stops).toEqual([{ attemptToken, reason: 'SUPERSEDED' }]);
  });

  it('is resumed whatever maxWorkers says', async () => {
    const worker = await farm.worker();
    const other = await farm.worker('other', { taskTypes: ['video'] });
    const job = await farm.submit(independent(2), { maxWorkers: 1, settings: { types: 'misc,video' } });
    await worker.claim();
    farm.clock.advance(LEASE);
    await other.heartbeat();
    await farm.sweep();
    expect((await other.claim())!.task.name).toBe('task 2');
    await worker.heartbeat();
    expect(await farm.statuses(job)).toBe('active: active active');
  });

  it('delivers its result late: the task is completed, and its failure is taken back', async () => {
    const worker = await farm.worker();
    const job = await farm.submit([[], [0]]);
    const { attemptToken } = (await worker.claim())!;
    await lose();
    const { reports, assignments } = await worker.complete(attemptToken, { freeSlots: 1 });
    expect(reports).toMatchObject([{ __typename: 'ReportAccepted' }]);
    expect(assignments.map(({ task }) => task.name)).toEqual(['task 2']);
    expect(await farm.task(job)).toMatchObject({ status: 'COMPLETED', statusReason: 'LATE_RESULT', failedAttempts: 0 });
    expect(await attemptsOf()).toMatchObject([{ outcome: 'COMPLETED' }]);
  });

  it('that reports anything but its result or progress has nothing to say', async () => {
    const worker = await farm.worker();
    await farm.submit(independent(1));
    const { attemptToken } = (await worker.claim())!;
    await lose();
    for (const event of [{ failed: { kind: 'OTHER', message: 'It broke.' } }, { stopped: { handedBack: true } }])
      expect((await worker.report(attemptToken, event)).reports).toMatchObject([{ __typename: 'StaleAttemptError' }]);
  });

  const TAKEN: Record<string, (job: { id: string; tasks: readonly string[] }) => Promise<unknown>> = {
    'another worker has it': async () => (await farm.worker('other')).claim(),
    'it was requeued': ({ tasks }) => farm.ask('requeueTask', { id: tasks[0] }),
    'it was canceled': ({ tasks }) => farm.ask('cancelTask', { id: tasks[0] }),
    'its job was canceled': ({ id }) => farm.ask('cancelJob', { id }),
    'it was given up': ({ tasks }) => farm.ask('setTaskStatus', { id: tasks[0], status: 'FAILED' }),
    'it was accepted as done': ({ tasks }) => farm.ask('setTaskStatus', { id: tasks[0], status: 'COMPLETED' }),
    'its job was deleted': async ({ id }) => {
      await farm.ask('cancelJob', { id });
      await farm.ask('deleteJob', { id });
    },
  };
  it.each(Object.entries(TAKEN))('is stale once its task is not soft-failed any more: %s', async (_what, take) => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(2), { failureLimitPercent: 100 });
    const { attemptToken } = (await worker.claim())!;
    await lose();
    await take(job);
    const before = await farm.query(
      'SELECT task.status, sequence FROM task JOIN job ON job.id = job_id ORDER BY task.index',
    );
    expect((await worker.heartbeat()).stops).toEqual([{ attemptToken, reason: 'SUPERSEDED' }]);
    expect((await worker.complete(attemptToken)).reports).toMatchObject([{ __typename: 'StaleAttemptError' }]);
    expect(
      (await farm.query('SELECT task.status, sequence FROM task JOIN job ON job.id = job_id ORDER BY task.index')).rows,
    ).toEqual(before.rows);
  });

  it('that was the last one of its task, or told to stop, does not come back', async () => {
    for (const end of ['last', 'ordered']) {
      const worker = await farm.worker();
      const job = await farm.submit(independent(1), { maxAttempts: end === 'last' ? 1 : 3 });
      const { attemptToken } = (await worker.claim())!;
      if (end === 'ordered') await farm.ask('requestWorkerStatus', { id: worker.id, status: 'ASLEEP' });
      await lose();
      expect((await farm.task(job)).status).toBe(end === 'last' ? 'FAILED' : 'QUEUED');
      expect((await worker.complete(attemptToken)).reports).toMatchObject([{ __typename: 'StaleAttemptError' }]);
    }
  });

  it('belongs to the session that brings it, and is lost with that one again', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    await worker.claim();
    await worker.signOn();
    await worker.heartbeat();
    expect(await attemptsOf()).toEqual([{ number: 1, outcome: null, session_number: 2 }]);
    await worker.signOn();
    expect(await farm.statuses(job)).toBe('active: soft-failed');
    await worker.heartbeat();
    expect(await attemptsOf()).toEqual([{ number: 1, outcome: null, session_number: 3 }]);
  });
});

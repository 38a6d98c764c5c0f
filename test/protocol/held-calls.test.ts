import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm, storedId } from '../support/farm.ts';
import { FarmWorker } from '../support/farm-worker.ts';
import { until } from '../support/processes.ts';
import { independent } from '../support/shape-job-type.ts';

/** Longer than any test may take: who answers before it was woken. */
const LONG = { waitSeconds: 60 };
let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ now: () => new Date(), leaseSeconds: 600, retryDelaySeconds: 0.2 });
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

const seenAt = async ({ id }: FarmWorker) =>
  (await farm.query('SELECT last_seen_at FROM worker WHERE id = $1', [storedId(id)])).rows[0]!.last_seen_at as Date;

/** Makes a call that the gateway holds: its first look is done when the worker counts as seen. */
async function hold(worker: FarmWorker, input: Record<string, unknown> = {}) {
  const before = await seenAt(worker);
  const answer = worker.sync({ ...LONG, ...input });
  await until(async () => (await seenAt(worker)).getTime() > before.getTime());
  return { answer };
}

describe('a held call is answered at once', () => {
  it('by new work', async () => {
    const worker = await farm.worker();
    const { answer } = await hold(worker);
    await farm.submit(independent(1));
    expect((await answer).assignments.map(({ task }) => task.name)).toEqual(['task 1']);
  });

  it('by new work that a report of another worker makes', async () => {
    const other = await farm.worker('other');
    const worker = await farm.worker();
    await farm.submit([[], [0]]);
    const { attemptToken } = (await other.claim())!;
    const { answer } = await hold(worker);
    await other.complete(attemptToken);
    expect((await answer).assignments.map(({ task }) => task.name)).toEqual(['task 2']);
  });

  it('by a job that is not held any more, by one that has its tag now, by room for one more worker', async () => {
    for (const [before, after] of [
      [{ maxWorkers: 0 }, { maxWorkers: null }],
      [{ workerTag: 'gpu' }, { workerTag: null }],
    ]) {
      const worker = await farm.worker();
      const job = await farm.submit(independent(1), before);
      const { answer } = await hold(worker);
      await farm.ask('updateJob', { id: job.id, ...after });
      expect((await answer).assignments).toHaveLength(1);
    }
    const other = await farm.worker('other');
    const worker = await farm.worker();
    await farm.submit(independent(2), { maxWorkers: 1 });
    const { attemptToken } = (await other.claim())!;
    const { answer } = await hold(worker);
    await other.complete(attemptToken);
    expect((await answer).assignments.map(({ task }) => task.name)).toEqual(['task 2']);
  });

  it('by a worker that goes away: what this one avoided for its sake is its own', async () => {
    const worker = await farm.worker();
    const other = await farm.worker('other');
    await other.heartbeat();
    await farm.submit(independent(1), { failureLimitPercent: 100 });
    await worker.fail((await worker.claim())!.attemptToken);
    const { answer } = await hold(worker);
    await other.signOff();
    expect((await answer).assignments).toHaveLength(1);
  });

  it('by the end of a back-off', async () => {
    const worker = await farm.worker();
    await farm.submit(independent(1));
    await worker.fail((await worker.claim())!.attemptToken);
    expect((await worker.sync(LONG)).assignments).toHaveLength(1);
  });

  it('by a stop', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    const { attemptToken } = (await worker.claim())!;
    const { answer } = await hold(worker);
    await farm.ask('cancelTask', { id: job.tasks[0] });
    expect((await answer).stops).toEqual([{ attemptToken, reason: 'CANCELED' }]);
  });

  it('by a request to sleep, and by one to wake up', async () => {
    const worker = await farm.worker();
    const { answer: first } = await hold(worker);
    await farm.ask('requestWorkerStatus', { id: worker.id, status: 'ASLEEP' });
    expect((await first).requestedStatus).toBe('ASLEEP');
    const { answer: second } = await hold(worker, { status: 'ASLEEP' });
    await farm.ask('requestWorkerStatus', { id: worker.id, status: 'AWAKE' });
    expect((await second).requestedStatus).toBe('AWAKE');
  });

  it('by a newer call of the session', async () => {
    const worker = await farm.worker();
    const { answer: older } = await hold(worker);
    await worker.sync();
    expect(await older).toMatchObject({ __typename: 'SyncWorkerSuccess', assignments: [], stops: [] });
  });

  it('by a newer session, and by the deletion of the worker', async () => {
    const worker = await farm.worker();
    const { answer: older } = await hold(worker);
    await worker.signOn();
    expect(await older).toMatchObject({ __typename: 'SessionEndedError', reason: 'SIGNED_ON_ELSEWHERE' });
    const { answer } = await hold(worker);
    await farm.ask('deleteWorker', { id: worker.id });
    expect(await answer).toMatchObject({ __typename: 'SessionEndedError', reason: 'DELETED' });
  });
});

describe('a held call', () => {
  it('is not answered by a stop that the worker was told a moment ago', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    const { attemptToken } = (await worker.claim())!;
    await farm.ask('cancelTask', { id: job.tasks[0] });
    expect((await worker.sync(LONG)).stops).toHaveLength(1);
    const { answer } = await hold(worker);
    expect(await Promise.race([answer, Promise.resolve('held')])).toBe('held');
    expect((await worker.sync()).stops).toEqual([{ attemptToken, reason: 'CANCELED' }]);
    await answer;
  });

  it('whose caller has gone takes no work', async () => {
    const worker = await farm.worker();
    const gone = new AbortController();
    const before = await seenAt(worker);
    const call = worker.sync(LONG, gone.signal).catch((error: Error) => error.name);
    await until(async () => (await seenAt(worker)).getTime() > before.getTime());
    gone.abort();
    expect(await call).toBe('AbortError');
    const other = await farm.worker('other');
    const { answer } = await hold(other);
    await farm.submit(independent(1));
    expect((await answer).assignments).toHaveLength(1);
  });

  it('is no sign of life, however often it is looked at', async () => {
    const worker = await farm.worker();
    const { answer } = await hold(worker);
    const before = await seenAt(worker);
    for (let i = 0; i < 3; i += 1) await farm.ask('updateWorker', { id: worker.id, tags: [`tag-${i}`] });
    expect(await seenAt(worker)).toEqual(before);
    await worker.sync();
    await answer;
  });
});

describe('a call', () => {
  it('is held no longer than a heartbeat, whatever it asks for', async () => {
    const quick = await Farm.start({ now: () => new Date(), leaseSeconds: 3 });
    const worker = await FarmWorker.signOn(quick.gateway);
    await worker.sync();
    const begin = performance.now();
    expect(await worker.sync(LONG)).toMatchObject({ assignments: [], stops: [], heartbeatSeconds: 1 });
    expect(performance.now() - begin).toBeGreaterThan(900);
    expect(performance.now() - begin).toBeLessThan(5_000);
    await quick.close();
  });

  it('that is held when the gateway shuts down is answered', async () => {
    const closing = await Farm.start({ now: () => new Date(), leaseSeconds: 600 });
    const worker = await FarmWorker.signOn(closing.gateway);
    const answer = worker.sync(LONG);
    const { pool } = closing.gateway.database;
    const { rows } = await pool.query('SELECT last_seen_at AS seen FROM worker');
    await until(async () => (await pool.query('SELECT last_seen_at AS seen FROM worker')).rows[0].seen > rows[0].seen);
    await closing.close();
    expect(await answer).toMatchObject({ __typename: 'SyncWorkerSuccess', assignments: [] });
  });
});

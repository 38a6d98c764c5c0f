import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../support/farm.ts';
import type { FarmWorker } from '../support/farm-worker.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
/** Leases do not end here unless a test wants it: what is looked at is who may have which task when. */
beforeAll(async () => {
  farm = await Farm.start({ leaseSeconds: 100_000 });
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

const ANY = { maxAttempts: 20, failureLimitPercent: 100 };
const MINUTE = 60;
const failNext = async (worker: FarmWorker) => worker.fail((await worker.claim())!.attemptToken);
const makeWorkers = async (count: number) => {
  const workers = [];
  for (let i = 0; i < count; i += 1) workers.push(await farm.worker());
  return workers as [FarmWorker, FarmWorker, FarmWorker, FarmWorker];
};

/** After how many seconds the worker is given something, looked at a second before as well; null: not within two hours. */
async function secondsUntilGiven(worker: FarmWorker, expected: readonly number[]): Promise<number | null> {
  let waited = 0;
  for (const moment of [...expected.flatMap((seconds) => [seconds - 1, seconds]), 2 * 60 * MINUTE]) {
    farm.clock.advance(moment - waited);
    waited = moment;
    if (await worker.claim()) return moment;
  }
  return null;
}

describe('a farm of one worker', () => {
  it('tries again after a back-off that doubles up to ten minutes', async () => {
    const [worker] = await makeWorkers(1);
    const job = await farm.submit(independent(1), ANY);
    await failNext(worker);
    for (const seconds of [30, 60, 120, 240, 480, 600, 600]) {
      expect(await secondsUntilGiven(worker, [seconds])).toBe(seconds);
      await worker.fail([...worker.running][0]!);
    }
    expect((await farm.task(job)).failedAttempts).toBe(8);
  });

  it('goes on with other tasks meanwhile', async () => {
    const [worker] = await makeWorkers(1);
    await farm.submit(independent(3), ANY);
    await failNext(worker);
    expect((await worker.claim())!.task.name).toBe('task 2');
  });

  it('is not blocked by three failures: there is nobody else', async () => {
    const [worker] = await makeWorkers(1);
    const job = await farm.submit(independent(4), ANY);
    for (let i = 0; i < 3; i += 1) await failNext(worker);
    expect((await farm.job(job)).workerBlocks).toHaveLength(1);
    expect((await worker.claim())!.task.name).toBe('task 4');
  });

  it('takes what it handed back at once', async () => {
    const [worker] = await makeWorkers(1);
    const job = await farm.submit(independent(1));
    await worker.stopped((await worker.claim())!.attemptToken, true);
    expect(await farm.task(job)).toMatchObject({ status: 'QUEUED', statusReason: 'HANDED_BACK', failedAttempts: 0 });
    expect(await worker.claim()).not.toBeNull();
  });
});

describe('with two workers', () => {
  it('one that failed a task leaves it to the other for ten minutes, and the other may have it at once', async () => {
    const [worker, other] = await makeWorkers(2);
    await farm.submit(independent(1), ANY);
    await failNext(worker);
    expect(await secondsUntilGiven(worker, [30, 600])).toBe(600);
    await worker.fail([...worker.running][0]!);
    expect(await other.claim()).not.toBeNull();
  });

  it('it does so however busy the other is', async () => {
    const [worker, other] = await makeWorkers(2);
    await farm.submit(independent(2), ANY);
    await failNext(worker);
    // The other takes the first one too, so that only the failed one is left for it.
    expect((await other.claim())!.task.name).toBe('task 1');
    await other.fail([...other.running][0]!);
    const [second] = [(await other.claim())!];
    expect(second.task.name).toBe('task 2');
    expect(await secondsUntilGiven(worker, [30, 60])).toBe(60);
  });

  it('that both failed it, both wait for the back-off of the last failure', async () => {
    const [worker, other] = await makeWorkers(2);
    await farm.submit(independent(1), ANY);
    await failNext(worker);
    farm.clock.advance(20);
    await failNext(other);
    farm.clock.advance(59);
    for (const each of [worker, other]) expect(await each.claim()).toBeNull();
    farm.clock.advance(1);
    expect(await worker.claim()).not.toBeNull();
  });

  it('one that hands a task back unasked avoids it for the retry delay', async () => {
    const [worker, other] = await makeWorkers(2);
    await farm.submit(independent(1));
    await worker.stopped((await worker.claim())!.attemptToken, true);
    expect(await secondsUntilGiven(worker, [30])).toBe(30);
    await worker.stopped([...worker.running][0]!, true);
    expect(await other.claim()).not.toBeNull();
  });

  it('one that was recalled avoids nothing', async () => {
    const [worker] = await makeWorkers(2);
    await farm.submit(independent(1));
    const { attemptToken } = (await worker.claim())!;
    await farm.ask('requestWorkerStatus', { id: worker.id, status: 'ASLEEP' });
    await worker.heartbeat();
    await worker.stopped(attemptToken, true);
    await farm.ask('requestWorkerStatus', { id: worker.id, status: 'AWAKE' });
    expect(await worker.claim()).not.toBeNull();
  });

  const NOT_CAPABLE: Record<string, (other: FarmWorker) => Promise<unknown>> = {
    'is asleep': (other) => other.sync({ status: 'ASLEEP' }),
    'was asked to sleep': (other) => farm.ask('requestWorkerStatus', { id: other.id, status: 'ASLEEP' }),
    'was asked to leave': (other) => farm.ask('requestWorkerStatus', { id: other.id, status: 'OFFLINE' }),
    'was asked to restart': (other) => farm.ask('requestWorkerStatus', { id: other.id, status: 'RESTART' }),
    'has signed off': (other) => other.signOff(),
    'was deleted': (other) => farm.ask('deleteWorker', { id: other.id }),
    'takes other tasks': (other) => farm.ask('updateWorker', { id: other.id, taskTypes: ['video'] }),
    'has not the tag': (other) => farm.ask('updateWorker', { id: other.id, tags: [] }),
    'has not been seen within the lease': async (other) => {
      await farm.query(`UPDATE worker SET last_seen_at = last_seen_at - interval '100000 s' WHERE id = $1`, [
        Buffer.from(other.id, 'base64').toString().split(':')[1],
      ]);
    },
  };
  it.each(Object.entries(NOT_CAPABLE))(
    'the other counts only while it is capable, not where it %s',
    async (_what, leave) => {
      const [worker, other] = [
        await farm.worker('worker', { tags: ['gpu'] }),
        await farm.worker('other', { tags: ['gpu'] }),
      ];
      await farm.submit(independent(1), { ...ANY, workerTag: 'gpu' });
      await failNext(worker);
      await leave(other);
      expect(await secondsUntilGiven(worker, [30])).toBe(30);
    },
  );
});

describe('with three workers', () => {
  it('a task goes to those that have not failed it, before anybody tries again', async () => {
    const [a, b, c] = await makeWorkers(3);
    await farm.submit(independent(1), ANY);
    for (const worker of [a, b]) await failNext(worker);
    for (const worker of [a, b]) expect(await worker.claim()).toBeNull();
    expect(await c.claim()).not.toBeNull();
  });

  it('one that failed three different tasks of a type is blocked for it in that job, for an hour', async () => {
    const [worker] = await makeWorkers(3);
    const job = await farm.submit(independent(4), ANY);
    for (let i = 0; i < 2; i += 1) await failNext(worker);
    expect((await farm.job(job)).workerBlocks).toEqual([]);
    await failNext(worker);
    const until = new Date(farm.clock.now().getTime() + 3_600_000).toISOString();
    expect((await farm.job(job)).workerBlocks).toEqual([{ worker: { id: worker.id }, taskType: 'misc', until }]);
    expect(await secondsUntilGiven(worker, [600, 3600])).toBe(3600);
  });

  it('a block holds for that type and that job only', async () => {
    const [worker] = await makeWorkers(3);
    await farm.submit(independent(5), { ...ANY, settings: { types: 'misc,misc,misc,video,misc' } });
    for (let i = 0; i < 3; i += 1) await failNext(worker);
    expect((await worker.claim())!.task.name).toBe('task 4');
    await worker.complete([...worker.running][0]!);
    expect(await worker.claim()).toBeNull();
    const another = await farm.submit(independent(1), ANY);
    expect((await worker.claim())!.task.job.id).toBe(another.id);
  });

  it('the same task three times, or three that were handed back or lost, is no block', async () => {
    const [worker] = await makeWorkers(3);
    const job = await farm.submit(independent(3), ANY);
    for (let i = 0; i < 3; i += 1) {
      await failNext(worker);
      await farm.ask('cancelTask', { id: job.tasks[1] });
      await farm.ask('cancelTask', { id: job.tasks[2] });
      farm.clock.advance(600);
    }
    expect((await farm.job(job)).workerBlocks).toEqual([]);
    const another = await farm.submit(independent(3), ANY);
    for (let i = 0; i < 3; i += 1) {
      await worker.stopped((await worker.claim())!.attemptToken, true);
      farm.clock.advance(30);
      await worker.claim();
      await worker.signOn();
      worker.running.clear();
    }
    expect((await farm.job(another)).workerBlocks).toEqual([]);
    expect(await farm.query('SELECT sum(losses)::int AS losses FROM task_failure WHERE losses > 0')).toMatchObject({
      rows: [{ losses: 3 }],
    });
  });

  it('unblockWorker lifts the block, and the next failure does not bring it back', async () => {
    const [worker] = await makeWorkers(3);
    const job = await farm.submit(independent(5), ANY);
    for (let i = 0; i < 3; i += 1) await failNext(worker);
    const lift = { jobId: job.id, workerId: worker.id, taskType: 'misc' };
    expect(await farm.ask('unblockWorker', lift)).toMatchObject({ __typename: 'JobSuccess', changed: true });
    expect(await farm.ask('unblockWorker', lift)).toMatchObject({ __typename: 'JobSuccess', changed: false });
    await failNext(worker);
    expect((await farm.job(job)).workerBlocks).toEqual([]);
    expect(await worker.claim()).not.toBeNull();
  });

  it('a block holds only while another capable worker is there, judged at the claim', async () => {
    const [worker, b, c] = await makeWorkers(3);
    await farm.submit(independent(4), ANY);
    for (let i = 0; i < 3; i += 1) await failNext(worker);
    expect(await worker.claim()).toBeNull();
    await b.signOff();
    expect(await worker.claim()).toBeNull();
    await c.signOff();
    expect((await worker.claim())!.task.name).toBe('task 4');
    await worker.stopped([...worker.running][0]!, true);
    await b.signOn();
    expect(await worker.claim()).toBeNull();
  });

  it('of which all are blocked nobody is', async () => {
    const workers = await makeWorkers(3);
    await farm.submit(independent(4), ANY);
    for (const worker of workers) for (let i = 0; i < 3; i += 1) await failNext(worker);
    expect((await workers[0].claim())!.task.name).toBe('task 4');
  });
});

const isGoingOn = async () =>
  (await farm.query(`SELECT FROM job WHERE status IN ('queued', 'active')`)).rows.length > 0;

describe.each([1, 2, 3, 4])('with %i workers', (count) => {
  it('no task waits for ever because everyone failed it: it fails for good after its attempts, on as many workers as there are', async () => {
    const workers = await makeWorkers(count);
    const job = await farm.submit(independent(1), { maxAttempts: 5 });
    for (let minutes = 0; (await isGoingOn()) && minutes < 120; minutes += 1) {
      for (const worker of workers) {
        const assignment = await worker.claim();
        if (assignment) await worker.fail(assignment.attemptToken);
      }
      farm.clock.advance(MINUTE);
    }
    expect(await farm.statuses(job)).toBe('failed: failed');
    const { attempts } = await farm.task(job);
    expect(attempts.nodes).toHaveLength(5);
    expect(new Set(attempts.nodes.map(({ worker }) => worker.name)).size).toBe(count);
  });

  it('one that fails everything does not keep the others from finishing the job', async () => {
    const [bad, ...good] = await makeWorkers(count);
    const job = await farm.submit(independent(6), { maxAttempts: 4, failureLimitPercent: 100 });
    for (let minutes = 0; await isGoingOn(); minutes += 1) {
      expect(minutes).toBeLessThan(60);
      for (const worker of [bad, ...good.slice(0, count - 1)]) {
        const assignment = await worker.claim();
        if (!assignment) continue;
        if (worker === bad) await worker.fail(assignment.attemptToken);
        else await worker.complete(assignment.attemptToken);
      }
      farm.clock.advance(MINUTE);
    }
    expect((await farm.job(job)).status).toBe(count === 1 ? 'FAILED' : 'COMPLETED');
  });
});

describe('a claim', () => {
  it('of a blocked worker does not read a long job through', async () => {
    const [worker] = await makeWorkers(2);
    await farm.submit(independent(3), { ...ANY, name: 'short' });
    const { submitJob } = await farm.gateway.run<{ submitJob: { job: { id: string } } }>(
      `mutation { submitJob(input: { type: "echo-sleep-test", name: "long", settings: { repeats: 20000 }, failureLimitPercent: 100, priority: 60 }) { ... on SubmitJobSuccess { job { id } } } }`,
    );
    for (let i = 0; i < 3; i += 1)
      expect((await failNext(worker)).reports).toMatchObject([{ __typename: 'ReportAccepted' }]);
    expect((await farm.job(submitJob.job)).workerBlocks).toHaveLength(1);
    const begin = performance.now();
    expect((await worker.claim())!.task.job.name).toBe('short');
    expect(performance.now() - begin).toBeLessThan(1_000);
  });
});

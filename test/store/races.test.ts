import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/domain/errors.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { deleteJob } from '../../src/store/delete-job.ts';
import { deleteWorker } from '../../src/store/delete-worker.ts';
import { endLeases } from '../../src/store/end-overdue-attempts.ts';
import { requestWorkerStatus } from '../../src/store/request-worker-status.ts';
import { setJobStatus } from '../../src/store/set-job-status.ts';
import { setTaskStatus } from '../../src/store/set-task-status.ts';
import { signOffWorker } from '../../src/store/sign-off-worker.ts';
import type { Store } from '../../src/store/store.ts';
import type { SyncCall } from '../../src/store/sync-call.ts';
import { syncWorkers } from '../../src/store/sync-workers.ts';
import { updateJob } from '../../src/store/update-job.ts';
import { updateWorker } from '../../src/store/update-worker.ts';
import { TestClock } from '../support/clock.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { expectConsistent } from '../support/expect-consistent.ts';
import { makeRandom, seedOf } from '../support/random.ts';
import { independent } from '../support/shape-job-type.ts';
import { createTestStore, LockHolder, type StoredJob, StoreWorker, submitShape } from '../support/test-store.ts';

const USER = { actor: 'user' };
const LONG_AGO = new Date(0);
const COMPLETED = { completed: { outputs: [] } };
const clock = new TestClock();
let database: TestDatabase;
let second: Database;
let store: Store;
/** Another gateway's on the same database. */
let otherStore: Store;
let holder: LockHolder;
beforeAll(async () => {
  database = await createTestDatabase();
  second = await openDatabase(database.config, { logger: pino({ level: 'warn' }) });
  store = createTestStore(database, { now: clock.now });
  otherStore = createTestStore(second, { now: clock.now });
  holder = await LockHolder.connect(database);
});
afterEach(async () => {
  await expectConsistent(database.pool);
  await database.pool.query('DELETE FROM job');
  await database.pool.query('DELETE FROM worker');
  await database.pool.query('DELETE FROM event');
});
afterAll(async () => {
  await holder.close();
  await second.close();
  await database.drop();
});

let worker: StoreWorker;
let job: StoredJob;
let token: string;
beforeEach(async () => {
  worker = await StoreWorker.signOn(store);
});

async function begin(tasks = 1): Promise<void> {
  job = await submitShape(store, independent(tasks));
  token = await worker.claim();
}

/** Lets two things want the same lock at the same time: the first one queues first, and PostgreSQL's queues are fair. */
async function race<A, B>(
  hold: 'job' | 'worker',
  first: () => Promise<A>,
  then: () => Promise<B>,
): Promise<[A | string, B | string]> {
  const nameError = (error: Error) => {
    if (error instanceof UserError) return error.constructor.name;
    throw error;
  };
  const release = hold === 'job' ? () => holder.releaseJob(job.id) : () => holder.releaseWorker(worker.id);
  await (hold === 'job' ? holder.holdJob(job.id) : holder.holdWorker(worker.id));
  const a = first().catch(nameError);
  await holder.untilWaiting(1);
  const b = then().catch(nameError);
  await holder.untilWaiting(2);
  await release();
  return [await a, await b];
}

async function statuses(of = job): Promise<string> {
  const { rows } = await database.pool.query('SELECT status FROM job WHERE id = $1', [of.id]);
  const tasks = await database.pool.query('SELECT status FROM task WHERE job_id = $1 ORDER BY index', [of.id]);
  return [`${rows[0].status}:`, ...tasks.rows.map(({ status }) => status)].join(' ');
}

async function send(call: SyncCall) {
  const [result] = await syncWorkers(otherStore, [call]);
  if (!result || 'ended' in result) return `ended: ${result?.ended}`;
  return { reports: result.reports, stops: result.stops.map(({ reason }) => reason), given: result.assignments.length };
}
const cancel = async () => (await setJobStatus(store, job.id, 'cancel-requested', USER)).changed;
const report = (event: SyncCall['reports'][number]['event'], running: string[] = []) => {
  const call = worker.reporting(token, event, { running });
  return () => send(call);
};

describe('cancelJob against the first report', () => {
  it('that comes second is told to stop', async () => {
    await begin(2);
    expect(await race('job', cancel, report({ progress: { fraction: 0.5 } }, [token]))).toEqual([
      true,
      { reports: [true], stops: ['CANCELED'], given: 0 },
    ]);
    expect(await statuses()).toBe('cancel-requested: active canceled');
  });

  it('that comes first goes on until its next call', async () => {
    await begin(2);
    expect(await race('job', report({ progress: { fraction: 0.5 } }, [token]), cancel)).toEqual([
      { reports: [true], stops: [], given: 0 },
      true,
    ]);
    expect(await worker.sync({ running: [token] })).toMatchObject({ stops: [{ token, reason: 'CANCELED' }] });
    expect(await statuses()).toBe('cancel-requested: active canceled');
  });
});

describe('cancelJob against completed', () => {
  it('that comes second stays completed, and the job ends canceled', async () => {
    await begin(2);
    expect(await race('job', cancel, report(COMPLETED))).toEqual([true, { reports: [true], stops: [], given: 0 }]);
    expect(await statuses()).toBe('canceled: completed canceled');
  });

  it('that comes first and was the last task: there is nothing to cancel any more', async () => {
    await begin();
    expect(await race('job', report(COMPLETED), cancel)).toEqual([
      { reports: [true], stops: [], given: 0 },
      'JobTransitionError',
    ]);
    expect(await statuses()).toBe('completed: completed');
  });
});

describe('requeueTask against a late completed', () => {
  const requeue = async () => (await setTaskStatus(store, job.tasks[0]!, 'queued', USER, 'requeueTask')).changed;

  it('that comes second is stale', async () => {
    await begin(2);
    await worker.signOn();
    expect(await race('job', requeue, report(COMPLETED))).toEqual([true, { reports: [false], stops: [], given: 0 }]);
    expect(await statuses()).toBe('active: queued queued');
  });

  it('that comes first is taken, and the task is requeued as a completed one', async () => {
    await begin(2);
    await worker.signOn();
    expect(await race('job', report(COMPLETED), requeue)).toEqual([{ reports: [true], stops: [], given: 0 }, true]);
    expect(await statuses()).toBe('active: queued queued');
  });

  it('of the last task finishes the job, which then passes requeueing', async () => {
    await begin();
    await worker.signOn();
    expect(await race('job', report(COMPLETED), requeue)).toEqual([{ reports: [true], stops: [], given: 0 }, true]);
    expect(await statuses()).toBe('queued: queued');
  });
});

describe('a lease that ends against a heartbeat', () => {
  const end = () => endLeases(store, LONG_AGO);
  const beat = () => send(worker.call({ running: [token] }));

  it('that is being taken is waited for: nothing is lost', async () => {
    await begin();
    clock.advance(60);
    expect(await race('worker', beat, end)).toEqual([{ reports: [], stops: [], given: 0 }, undefined]);
    expect(await statuses()).toBe('active: active');
    const { rows } = await database.pool.query('SELECT status FROM worker');
    expect(rows).toEqual([{ status: 'AWAKE' }]);
  });

  it('that comes too late takes the attempt up again in the same answer', async () => {
    await begin();
    clock.advance(60);
    expect(await race('worker', end, beat)).toEqual([undefined, { reports: [], stops: [], given: 0 }]);
    expect(await statuses()).toBe('active: active');
    const { rows } = await database.pool.query(`SELECT reason FROM event WHERE kind = 'task' ORDER BY id`);
    expect(rows.map(({ reason }) => reason)).toEqual(['CLAIMED', 'WORKER_LOST', 'ATTEMPT_RESUMED', 'ATTEMPT_RESUMED']);
  });
});

describe('deleteJob against a report', () => {
  const remove = async () => typeof (await deleteJob(store, job.id, USER)).xid;

  it('that comes second is stale', async () => {
    await begin();
    await send(worker.reporting(token, COMPLETED));
    expect(await race('job', remove, report(COMPLETED))).toEqual(['string', { reports: [false], stops: [], given: 0 }]);
  });

  it('that comes first makes the job one that can be deleted', async () => {
    await begin();
    expect(await race('job', report(COMPLETED), remove)).toEqual([{ reports: [true], stops: [], given: 0 }, 'string']);
  });

  it('that comes too late to finish the job is refused', async () => {
    await begin();
    expect(await race('job', remove, report(COMPLETED))).toEqual([
      'JobNotDeletableError',
      { reports: [true], stops: [], given: 0 },
    ]);
    expect(await statuses()).toBe('completed: completed');
  });
});

describe('a claim under way', () => {
  /** The claim holds the job and waits for its worker; what is asked meanwhile waits for the job. */
  async function claimAgainst<Result>(then: () => Promise<Result>) {
    job = await submitShape(store, independent(1));
    return await race('worker', () => send(worker.call({ freeSlots: 1 })), then);
  }

  it('against deleteJob: the job is running then', async () => {
    expect(await claimAgainst(() => deleteJob(store, job.id, USER))).toEqual([
      { reports: [], stops: [], given: 1 },
      'JobNotDeletableError',
    ]);
  });

  it('against cancelJob: what was given out is told to stop', async () => {
    expect(await claimAgainst(cancel)).toEqual([{ reports: [], stops: [], given: 1 }, true]);
    expect(await statuses()).toBe('cancel-requested: active');
  });

  it('against a change of priority: it takes what came first then, and the next claim what comes first now', async () => {
    const later = await submitShape(store, independent(1), { priority: 10 });
    expect(await claimAgainst(() => updateJob(store, later.id, { priority: 90 }))).toMatchObject([
      { given: 1 },
      { changed: true },
    ]);
    expect(await statuses()).toBe('active: active');
    const more = await submitShape(store, independent(1));
    const other = await StoreWorker.signOn(store);
    await other.claim();
    expect(await statuses(later)).toBe('active: active');
    expect(await statuses(more)).toBe('queued: queued');
  });
});

describe('two gateways on one database', () => {
  it('give each of many tasks to exactly one worker, whatever they do at the same time', async () => {
    const workers = await Promise.all(
      Array.from({ length: 6 }, (_, i) => StoreWorker.signOn(i % 2 ? store : otherStore)),
    );
    const jobs = await Promise.all([12, 12, 12].map((count) => submitShape(store, independent(count))));
    let given = 0;
    // Two gateways that meet at a job let it go by and look again a moment later; so do these.
    const work = async (each: StoreWorker) => {
      while (given < 36) {
        const { assignments } = await each.sync({ freeSlots: 1 });
        for (const { token: each_ } of assignments) {
          given += 1;
          await syncWorkers(each.store, [each.reporting(each_, COMPLETED)]);
        }
      }
    };
    await Promise.all(workers.map(work));
    for (const each of jobs) expect(await statuses(each)).toBe(`completed: ${Array(12).fill('completed').join(' ')}`);
    const { rows } = await database.pool.query(
      'SELECT count(*)::int, count(DISTINCT task_id)::int AS tasks FROM attempt',
    );
    expect(rows).toEqual([{ count: 36, tasks: 36 }]);
  });

  it('never give one worker that calls both at once more than its slots', async () => {
    await submitShape(store, independent(20));
    for (let i = 0; i < 10; i += 1) {
      const each = await StoreWorker.signOn(store);
      await Promise.all([store, otherStore, store, otherStore].map((at) => each.sync({ freeSlots: 1 }, at)));
      const { rows } = await database.pool.query('SELECT count(*)::int FROM attempt WHERE worker_id = $1', [each.id]);
      expect(rows).toEqual([{ count: 1 }]);
    }
  });

  it('end a lease once when both look at the same time', async () => {
    for (let i = 0; i < 10; i += 1) {
      await begin();
      clock.advance(60);
      await Promise.all([endLeases(store, LONG_AGO), endLeases(otherStore, LONG_AGO)]);
      const { rows } = await database.pool.query('SELECT failed_attempts FROM task WHERE id = $1', [job.tasks[0]]);
      expect(rows).toEqual([{ failed_attempts: 1 }]);
      await setJobStatus(store, job.id, 'cancel-requested', USER);
    }
  });
});

describe('everything at once', () => {
  const seed = seedOf();

  it(`never ends in a deadlock or in anything but what the API says (TABLAO_SEED=${seed})`, async () => {
    const random = makeRandom(seed);
    const jobs = await Promise.all(
      Array.from({ length: 4 }, () => submitShape(store, [[], [], [0, 1], [2]], { maxAttempts: 20 })),
    );
    const workers = await Promise.all(Array.from({ length: 6 }, () => StoreWorker.signOn(store)));
    const held = new Map<StoreWorker, Set<string>>(workers.map((each) => [each, new Set()]));
    const oneOf = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)]!;
    const stores = [store, otherStore];

    const sync = async () => {
      const each = oneOf(workers);
      const tokens = [...held.get(each)!];
      const ending = tokens.filter(() => random() < 0.5);
      for (const done of ending) held.get(each)!.delete(done);
      const events = [
        COMPLETED,
        { failed: { kind: 'OTHER' as const, message: 'It broke.' } },
        { stopped: { handedBack: true } },
      ];
      const reports = ending.flatMap((done) => each.reporting(done, oneOf(events)).reports);
      const calls = [
        each.call({ running: [...held.get(each)!], freeSlots: 1, reports }),
        ...workers
          .filter((other) => other !== each && random() < 0.3)
          .map((other) => other.call({ running: [...held.get(other)!] })),
      ];
      const [result] = await syncWorkers(oneOf(stores), calls);
      if (result && 'assignments' in result) for (const given of result.assignments) held.get(each)!.add(given.token);
      if (result && 'ended' in result) await each.signOn();
    };
    const actions: (() => Promise<unknown>)[] = [
      sync,
      sync,
      sync,
      sync,
      sync,
      () => setJobStatus(oneOf(stores), oneOf(jobs).id, oneOf(['cancel-requested', 'requeueing'] as const), USER),
      () =>
        setTaskStatus(
          oneOf(stores),
          oneOf(oneOf(jobs).tasks),
          oneOf(['canceled', 'queued', 'failed', 'completed'] as const),
          USER,
        ),
      () => endLeases(oneOf(stores), LONG_AGO),
      () => requestWorkerStatus(oneOf(stores), oneOf(workers).id, oneOf(['ASLEEP', 'AWAKE'] as const), 'NOW'),
      () => updateWorker(oneOf(stores), oneOf(workers).id, { tags: [oneOf(['a', 'b'])] }),
      () => updateJob(oneOf(stores), oneOf(jobs).id, { priority: Math.floor(random() * 100) }),
      () => oneOf(workers).signOn(),
      async () => {
        const each = oneOf(workers);
        await signOffWorker(oneOf(stores), each.id, each.sessionNumber);
      },
      async () => clock.advance(20),
    ];
    const unexpected: unknown[] = [];
    const run = async () => {
      for (let i = 0; i < 60; i += 1)
        await oneOf(actions)().catch((error: unknown) => {
          if (!(error instanceof UserError)) unexpected.push(error);
        });
    };
    await Promise.all(Array.from({ length: 8 }, run));
    for (const each of workers) await deleteWorker(store, each.id);
    expect(unexpected).toEqual([]);
  });
});

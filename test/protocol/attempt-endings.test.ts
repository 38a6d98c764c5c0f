import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm, type SubmittedJob } from '../support/farm.ts';
import type { FarmWorker } from '../support/farm-worker.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

/** The second task of three is the one whose attempt ends; the first is completed, the third waits or helps. */
interface Case {
  readonly job: SubmittedJob;
  readonly worker: FarmWorker;
  readonly token: string;
}

/** How an attempt can end, and the outcome that it then has. `ordered`: only where an order is out. */
const ENDS: Record<string, { outcome: string; ordered?: boolean; end(of: Case): Promise<unknown> }> = {
  completed: { outcome: 'COMPLETED', end: ({ worker, token }) => worker.complete(token) },
  failed: { outcome: 'FAILED', end: ({ worker, token }) => worker.fail(token) },
  'timed out, as the worker says': {
    outcome: 'TIMED_OUT',
    end: ({ worker, token }) => worker.report(token, { failed: { kind: 'TIMED_OUT', message: 'It hung.' } }),
  },
  'its lease ended': {
    outcome: 'LOST',
    end: async () => {
      farm.clock.advance(60);
      await farm.sweep();
    },
  },
  'its worker signed on anew': { outcome: 'LOST', end: ({ worker }) => worker.signOn() },
  stopped: { outcome: 'STOPPED', end: ({ worker, token }) => worker.stopped(token) },
  'its worker was deleted': { outcome: 'STOPPED', end: ({ worker }) => farm.ask('deleteWorker', { id: worker.id }) },
  'missing in running': {
    outcome: 'STOPPED',
    ordered: true,
    end: ({ worker }) => worker.sync({ running: [], freeSlots: 0 }),
  },
  'not confirmed for 60 s': {
    outcome: 'STOPPED',
    ordered: true,
    end: async ({ worker }) => {
      await worker.heartbeat();
      farm.clock.advance(59);
      await worker.heartbeat();
      await farm.sweep();
      expect(await readSubject()).toMatchObject({ outcome: null });
      farm.clock.advance(1);
      await farm.sweep();
    },
  },
  'handed back': { outcome: 'HANDED_BACK', end: ({ worker, token }) => worker.stopped(token, true) },
  'its worker signed off': { outcome: 'HANDED_BACK', end: ({ worker }) => worker.signOff() },
};

/** The orders, how they come about, and the reason that they give. */
const ORDERS: Record<string, { order: 'RECALLED' | 'CANCELED'; reason: string; give(of: Case): Promise<unknown> }> = {
  'a worker that is to sleep now': {
    order: 'RECALLED',
    reason: 'HANDED_BACK',
    give: ({ worker }) => farm.ask('requestWorkerStatus', { id: worker.id, status: 'ASLEEP' }),
  },
  'a dependency that was requeued': {
    order: 'RECALLED',
    reason: 'DEPENDENCY_REQUEUED',
    give: ({ job }) => farm.ask('requeueTask', { id: job.tasks[0] }),
  },
  cancelTask: {
    order: 'CANCELED',
    reason: 'USER',
    give: ({ job }) => farm.ask('cancelTask', { id: job.tasks[1], comment: 'Not this one.' }),
  },
  cancelJob: {
    order: 'CANCELED',
    reason: 'JOB_CANCELED',
    give: ({ job }) => farm.ask('cancelJob', { id: job.id, comment: 'Not this one.' }),
  },
  'the failure limit': {
    order: 'CANCELED',
    reason: 'JOB_FAILED',
    give: async ({ job }) => {
      const other = await farm.worker('other', { taskTypes: ['video'] });
      await other.fail((await other.claim())!.attemptToken);
      await farm.ask('setTaskStatus', { id: job.tasks[2], status: 'FAILED' });
    },
  },
};

const COUNTED: Record<string, string> = { FAILED: 'FAILED_ATTEMPT', TIMED_OUT: 'TIMED_OUT', LOST: 'WORKER_LOST' };

/** The table of design §2.3, as the changes that an end records of its task. */
function expectedChanges(
  outcome: string,
  ordered: (typeof ORDERS)[string] | null,
  failures: number,
  maxAttempts: number,
): string[] {
  const back = (reason: string) => [
    `active → soft-failed ${reason}`,
    ...(failures === 0 ? [`soft-failed → queued ${reason}`] : []),
  ];
  if (outcome === 'COMPLETED')
    return [
      'active → completed FINISHED',
      ...(ordered?.reason === 'DEPENDENCY_REQUEUED' ? ['completed → queued DEPENDENCY_REQUEUED'] : []),
    ];
  if (ordered?.order === 'CANCELED') return [`active → canceled ${ordered.reason}`];
  if (ordered) return back(ordered.reason);
  const reason = COUNTED[outcome];
  if (!reason) return back('HANDED_BACK');
  return [`active → ${failures + 1 === maxAttempts ? 'failed' : 'soft-failed'} ${reason}`];
}

/** A job whose second task runs for the time after `failures` counted ones. */
async function begin(failures: number, maxAttempts: number, failureLimitPercent = 100): Promise<Case> {
  const worker = await farm.worker('worker', { taskTypes: ['misc'] });
  const job = await farm.submit([[], [0], []], {
    maxAttempts,
    failureLimitPercent,
    settings: { types: 'misc,misc,video' },
  });
  const first = (await worker.claim())!;
  const { assignments } = await worker.complete(first.attemptToken, { freeSlots: 1 });
  let token = assignments[0]!.attemptToken;
  worker.running.add(token);
  for (let i = 0; i < failures; i += 1) {
    await worker.fail(token);
    farm.clock.advance(600);
    token = (await worker.claim())!.attemptToken;
  }
  return { job, worker, token };
}

/** What is stored of the task whose attempt ends, and the outcome of its newest attempt. */
async function readSubject() {
  const { rows } = await farm.query(`SELECT outcome, failed_attempts AS failures, stop_requested_at AS "stopRequestedAt"
    FROM task JOIN attempt ON task.id = task_id AND number = attempt_count WHERE task.index = 1`);
  return rows[0]!;
}

const taskChanges = async (job: SubmittedJob, after: number) =>
  (await farm.history(job))
    .filter(({ sequence, what }) => sequence > after && what === 'task 2')
    .map(({ from, to, reason }) => `${from} → ${to} ${reason}`);

/** Whether it failed before makes a difference to a recall only. */
const ORDERED_CASES = Object.entries(ORDERS).flatMap(([name, { reason }]) =>
  (reason === 'HANDED_BACK' ? [0, 1] : [0]).map((failures) => ({ order: name, failures })),
);

/** The first failure, one in between and the last one; and the only one. */
const CASES = [
  { failures: 0, maxAttempts: 1 },
  { failures: 0, maxAttempts: 2 },
  { failures: 1, maxAttempts: 2 },
];

describe.each(Object.entries(ENDS))('an attempt that ended: %s', (_name, { outcome, ordered: needsOrder, end }) => {
  if (!needsOrder)
    it.each(CASES)('without an order, after $failures of $maxAttempts failures', async ({ failures, maxAttempts }) => {
      const subject = await begin(failures, maxAttempts);
      const before = (await farm.history(subject.job)).length;
      await end(subject);
      expect(await readSubject()).toMatchObject({ outcome, failures: failures + Number(outcome in COUNTED) });
      expect(await taskChanges(subject.job, before)).toEqual(expectedChanges(outcome, null, failures, maxAttempts));
    });

  it.each(ORDERED_CASES)(
    'while it was told to stop by $order, after $failures failures',
    async ({ order, failures }) => {
      const given = ORDERS[order]!;
      const subject = await begin(failures, 2, given.reason === 'JOB_FAILED' ? 10 : 100);
      await given.give(subject);
      expect((await readSubject()).stopRequestedAt).not.toBeNull();
      const before = (await farm.history(subject.job)).length;
      await end(subject);
      expect(await readSubject()).toEqual({ outcome, failures, stopRequestedAt: null });
      expect(await taskChanges(subject.job, before)).toEqual(expectedChanges(outcome, given, failures, 2));
    },
  );
});

describe('a task that ends canceled', () => {
  it.each([
    ['cancelTask', 'USER', 'anonymous', 'Not this one.'],
    ['cancelJob', 'JOB_CANCELED', 'anonymous', 'Not this one.'],
  ])('by %s says who asked for it, and in which words', async (order, reason, actor, message) => {
    const subject = await begin(0, 3);
    await ORDERS[order]!.give(subject);
    await subject.worker.sync();
    await subject.worker.stopped(subject.token);
    expect(
      (await farm.history(subject.job)).filter(({ to, what }) => to === 'canceled' && what === 'task 2'),
    ).toMatchObject([{ reason, actor, message }]);
  });
});

describe('a second order', () => {
  it('to cancel replaces a recall, and has to be confirmed anew', async () => {
    const { job, worker, token } = await begin(0, 3);
    await farm.ask('requestWorkerStatus', { id: worker.id, status: 'ASLEEP' });
    await worker.heartbeat();
    farm.clock.advance(50);
    await farm.ask('cancelTask', { id: job.tasks[1] });
    expect((await worker.heartbeat()).stops).toEqual([{ attemptToken: token, reason: 'CANCELED' }]);
    farm.clock.advance(59);
    await worker.heartbeat();
    await farm.sweep();
    expect((await farm.task(job, 1)).status).toBe('ACTIVE');
    await worker.stopped(token);
    expect(await farm.task(job, 1)).toMatchObject({ status: 'CANCELED', statusReason: 'USER' });
  });

  it('never replaces a cancellation: the first reason stays', async () => {
    const { job, worker, token } = await begin(0, 3);
    await farm.ask('cancelTask', { id: job.tasks[1] });
    await farm.ask('requestWorkerStatus', { id: worker.id, status: 'ASLEEP' });
    await farm.ask('requeueTask', { id: job.tasks[0] });
    await farm.ask('cancelJob', { id: job.id });
    expect((await worker.heartbeat()).stops).toEqual([{ attemptToken: token, reason: 'CANCELED' }]);
    await worker.stopped(token);
    expect(await farm.task(job, 1)).toMatchObject({ status: 'CANCELED', statusReason: 'USER' });
  });

  it('that recalls leaves the first recall as it is', async () => {
    const { job, worker, token } = await begin(0, 3);
    await farm.ask('requeueTask', { id: job.tasks[0] });
    await farm.ask('requestWorkerStatus', { id: worker.id, status: 'ASLEEP' });
    await worker.stopped(token);
    expect(await farm.task(job, 1)).toMatchObject({ status: 'QUEUED', statusReason: 'DEPENDENCY_REQUEUED' });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claimNext } from '../../src/domain/claim-list.ts';
import type { FarmWorker } from '../../src/domain/failure-policy.ts';
import type { JobLedger } from '../../src/domain/job-ledger.ts';
import {
  compareTurns,
  hasRoomForWorker,
  WAITING_REASONS,
  type WaitingJob,
  type WaitingReason,
  waitingReason,
} from '../../src/domain/order-of-work.ts';
import { TASK_STATUS_NAMES } from '../../src/domain/task-status.ts';
import { makePlan } from '../model/plan.ts';
import { initialState, openLedger } from '../model/state.ts';

const NOW = new Date('2026-03-01T10:00:00Z');
const RETRY_DELAY_MS = 30_000;

function makeJob(job: Partial<WaitingJob>): WaitingJob {
  return { id: 'job', priority: 50, tasksActive: 0, maxWorkers: null, createdAt: NOW, ...job };
}

describe('whose turn it is', () => {
  const order = (...jobs: WaitingJob[]) => [...jobs].sort(compareTurns).map(({ id }) => id);
  const earlier = new Date(NOW.getTime() - 1);

  it('is the job of the higher priority, however much of it runs and however young it is', () => {
    const low = makeJob({ id: 'low', priority: 49, createdAt: earlier });
    const high = makeJob({ id: 'high', priority: 50, tasksActive: 100 });
    expect(order(low, high)).toEqual(['high', 'low']);
  });

  it('among equals is the job with fewer running tasks, however young it is', () => {
    const old = makeJob({ id: 'old', tasksActive: 1, createdAt: earlier });
    expect(order(old, makeJob({ id: 'young' }))).toEqual(['young', 'old']);
  });

  it('else is the older job', () => {
    expect(order(makeJob({ id: 'a' }), makeJob({ id: 'b', createdAt: earlier }))).toEqual(['b', 'a']);
  });

  it('is the same whatever the order in which the jobs are looked at', () => {
    const anyJob = fc.record({
      priority: fc.integer({ min: 0, max: 2 }),
      tasksActive: fc.integer({ min: 0, max: 2 }),
      createdAt: fc.constantFrom(NOW, earlier),
    });
    fc.assert(
      fc.property(fc.array(anyJob, { maxLength: 8 }), fc.infiniteStream(fc.nat()), (parts, random) => {
        const jobs = parts.map((part, index) => makeJob({ ...part, id: `job ${index}` }));
        const shuffled = jobs
          .map((job) => ({ job, key: random.next().value ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ job }) => job);
        expect(order(...shuffled)).toEqual(order(...jobs));
      }),
    );
  });
});

describe('claims', () => {
  /** A job of independent tasks. */
  function makeLedger(id: string, tasks: number, job: Partial<WaitingJob> = {}): JobLedger {
    const dependencies = Array.from({ length: tasks }, () => []);
    const ledger = openLedger(initialState(makePlan(id, dependencies, 3, 100)));
    Object.assign(ledger.job, { id, ...job });
    return ledger;
  }

  /** Names of the jobs and tasks that so many workers are given, one after the other. */
  function claim(ledgers: readonly JobLedger[], workers: number): string[] {
    return Array.from({ length: workers }, (_, n) => {
      const claimant = { id: `w${n}`, name: `w${n}`, sessionNumber: 1, taskTypes: ['render'], tags: [], offers: [] };
      const ids = () => ({ id: `${n}`, token: `${n}` });
      const claimed = claimNext(ledgers, claimant, [claimant], ids, NOW, RETRY_DELAY_MS);
      return 'attempt' in claimed ? `${claimed.ledger.job.id}: ${claimed.attempt.taskId}` : 'nothing';
    });
  }

  it('go in turns between equal jobs, and within a job by index', () => {
    const jobs = [makeLedger('a', 3), makeLedger('b', 2)];
    expect(claim(jobs, 6)).toEqual(['a: task 1', 'b: task 1', 'a: task 2', 'b: task 2', 'a: task 3', 'nothing']);
  });

  it('leave a long job of low priority until two equal short ones have what they can use', () => {
    const long = makeLedger('long', 3, { priority: 10, createdAt: new Date(0) });
    expect(claim([long, makeLedger('a', 1), makeLedger('b', 1)], 3)).toEqual([
      'a: task 1',
      'b: task 1',
      'long: task 1',
    ]);
  });

  it('give a job no more workers than it may have, and a held one none', () => {
    const jobs = [makeLedger('two', 3, { maxWorkers: 2 }), makeLedger('held', 3, { maxWorkers: 0, priority: 100 })];
    expect(claim(jobs, 3)).toEqual(['two: task 1', 'two: task 2', 'nothing']);
  });

  it.each(['completed', 'failed', 'cancel-requested', 'canceled'] as const)(
    'give nothing of a job that is %s',
    (status) => {
      const ledger = makeLedger('a', 1);
      ledger.job.status = status;
      expect(claim([ledger], 1)).toEqual(['nothing']);
    },
  );
});

describe('room for one more worker', () => {
  // biome-ignore format: one case per line
  it.each([
    { maxWorkers: null, tasksActive: 10_000, room: true },
    { maxWorkers: 2,    tasksActive: 1,      room: true },
    { maxWorkers: 2,    tasksActive: 2,      room: false },
    { maxWorkers: 1,    tasksActive: 3,      room: false },
    { maxWorkers: 0,    tasksActive: 0,      room: false },
  ])('with maxWorkers $maxWorkers and $tasksActive at work: $room', ({ room, ...job }) => {
    expect(hasRoomForWorker(job)).toBe(room);
  });
});

describe('why a task waits', () => {
  const worker: FarmWorker = { id: 'w', taskTypes: ['render'], tags: [], offers: [] };
  const failed = { failures: 1, failedAt: NOW, handedBackAt: null };

  /** A task for which all these reasons hold at once. */
  function whyWaits(reasons: readonly WaitingReason[], status: (typeof TASK_STATUS_NAMES)[number] = 'queued') {
    const holds = (reason: WaitingReason) => reasons.includes(reason);
    return waitingReason(
      { tasksActive: 1, maxWorkers: holds('WORKER_LIMIT') ? 1 : null },
      {
        taskId: 't',
        taskType: holds('NO_CAPABLE_WORKER') ? 'video' : 'render',
        workerTag: null,
        needs: [],
        status,
        openDependencies: holds('DEPENDENCY') ? 1 : 0,
        failedAttempts: holds('BACKING_OFF') ? 1 : 0,
        lastFailedAt: holds('BACKING_OFF') ? NOW : null,
        failureOf: () => (holds('BACKING_OFF') ? failed : undefined),
        blockedUntil: () => undefined,
      },
      [worker],
      NOW,
      RETRY_DELAY_MS,
    );
  }

  const order = Object.keys(WAITING_REASONS) as WaitingReason[];

  it('has the documented reasons in the documented order', () => {
    expect(order).toEqual(['DEPENDENCY', 'WORKER_LIMIT', 'NO_CAPABLE_WORKER', 'BACKING_OFF', 'ALL_WORKERS_BUSY']);
  });

  it('is the first reason that holds, whichever hold', () => {
    for (let bits = 0; bits < 16; bits++) {
      const holding = order.slice(0, 4).filter((_, index) => bits & (1 << index));
      expect([holding, whyWaits(holding)]).toEqual([holding, holding[0] ?? 'ALL_WORKERS_BUSY']);
    }
  });

  it('is nothing for a task that does not wait', () => {
    const waiting = TASK_STATUS_NAMES.filter((status) => whyWaits(order, status) !== null);
    expect(waiting).toEqual(['queued', 'soft-failed']);
  });

  it('is no back-off while a worker that has not failed it is there, though busy', () => {
    const other = { ...worker, id: 'other' };
    const task = {
      taskId: 't',
      taskType: 'render',
      workerTag: null,
      needs: [],
      status: 'soft-failed' as const,
      openDependencies: 0,
      failedAttempts: 1,
      lastFailedAt: NOW,
      failureOf: (id: string) => (id === 'w' ? failed : undefined),
      blockedUntil: () => undefined,
    };
    const why = (farm: FarmWorker[]) =>
      waitingReason({ tasksActive: 1, maxWorkers: null }, task, farm, NOW, RETRY_DELAY_MS);
    expect(why([worker, other])).toBe('ALL_WORKERS_BUSY');
    expect(why([worker])).toBe('BACKING_OFF');
    expect(why([])).toBe('NO_CAPABLE_WORKER');
  });
});

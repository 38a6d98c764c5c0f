import { describe, expect, it } from 'vitest';
import { claimTask, endAttempt } from '../../src/domain/attempt-actions.ts';
import type { AttemptOutcome } from '../../src/domain/attempt-outcome.ts';
import { historyOf } from '../../src/domain/claim-list.ts';
import {
  AVOIDANCE_MS,
  BLOCK_MS,
  backOffMs,
  canDo,
  claimableFrom,
  type FarmWorker,
  MAX_BACK_OFF_MS,
} from '../../src/domain/failure-policy.ts';
import { type JobLedger, ledgerKey } from '../../src/domain/job-ledger.ts';
import { makePlan, taskId } from '../model/plan.ts';
import { initialState, openLedger } from '../model/state.ts';

const START = new Date('2026-03-01T10:00:00Z');
const RETRY_DELAY_MS = 30_000;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const at = (ms: number) => new Date(START.getTime() + ms);

const [w1, w2, w3, w4] = ['w1', 'w2', 'w3', 'w4'].map(makeWorker) as [FarmWorker, FarmWorker, FarmWorker, FarmWorker];

function makeWorker(id: string): FarmWorker {
  return { id, taskTypes: ['render'], tags: [], offers: [] };
}

/** A job of independent tasks, on the domain's own ledger. */
function makeJob(tasks = 1, maxAttempts = 20): JobLedger {
  const none = Array.from({ length: tasks }, () => []);
  return openLedger(initialState(makePlan('job', none, maxAttempts, 100)));
}

/** A worker takes a task and its attempt ends so, at once. */
function end(ledger: JobLedger, worker: FarmWorker, outcome: AttemptOutcome, ms = 0, task = 0): void {
  const session = { id: worker.id, name: worker.id, sessionNumber: 1 };
  const ids = { id: `${worker.id} ${ms}`, token: `${worker.id} ${ms}` };
  const attempt = claimTask(ledger, ledger.task(taskId(task)), session, ids, at(ms));
  endAttempt(ledger, attempt, { outcome, actor: worker.id }, at(ms));
}

/** Milliseconds after the start from which the worker may have the task, when these are there now. */
function mayFrom(ledger: JobLedger, worker: FarmWorker, farm: readonly FarmWorker[], nowMs = 0, task = 0): number {
  const history = historyOf(ledger, ledger.task(taskId(task)));
  const from = claimableFrom(worker, history, farm, at(nowMs), RETRY_DELAY_MS);
  return from === 0 ? 0 : from - START.getTime();
}

describe('attempts', () => {
  it.each([1, 2, 3, 20])('of %i: that many counted failures make a task failed, fewer soft-failed', (maxAttempts) => {
    const ledger = makeJob(1, maxAttempts);
    const statuses = Array.from({ length: maxAttempts }, (_, n) => {
      end(ledger, n % 2 ? w1 : w2, 'FAILED', n);
      return ledger.task(taskId(0)).status;
    });
    expect(statuses).toEqual([...Array(maxAttempts - 1).fill('soft-failed'), 'failed']);
  });

  it('that are lost or time out count like those that fail', () => {
    const ledger = makeJob(1, 3);
    for (const outcome of ['LOST', 'TIMED_OUT', 'FAILED'] as const) end(ledger, w1, outcome);
    expect(ledger.task(taskId(0))).toMatchObject({ status: 'failed', failedAttempts: 3 });
  });

  it('that are stopped or handed back do not count', () => {
    const ledger = makeJob(1, 3);
    for (const outcome of ['STOPPED', 'HANDED_BACK', 'STOPPED', 'HANDED_BACK'] as const) end(ledger, w1, outcome);
    expect(ledger.task(taskId(0))).toMatchObject({ status: 'queued', failedAttempts: 0 });
  });
});

describe('the back-off', () => {
  it('doubles with every counted failure, from the retry delay up to ten minutes', () => {
    const seconds = [1, 2, 3, 4, 5, 6, 7, 20].map((failures) => backOffMs(failures, RETRY_DELAY_MS) / SECOND);
    expect(seconds).toEqual([30, 60, 120, 240, 480, 600, 600, 600]);
  });

  it('is never longer than ten minutes, whatever the retry delay', () => {
    expect(backOffMs(1, 3_600_000)).toBe(MAX_BACK_OFF_MS);
    expect(backOffMs(19, 1)).toBe(2 ** 18);
    expect(backOffMs(20, 0)).toBe(0);
  });
});

describe('a farm of one worker', () => {
  it('tries a failed task again after the back-off, longer each time', () => {
    const ledger = makeJob();
    end(ledger, w1, 'FAILED', 0);
    expect(mayFrom(ledger, w1, [w1])).toBe(30 * SECOND);
    end(ledger, w1, 'FAILED', 30 * SECOND);
    expect(mayFrom(ledger, w1, [w1])).toBe(90 * SECOND);
    end(ledger, w1, 'FAILED', 90 * SECOND);
    expect(mayFrom(ledger, w1, [w1])).toBe(210 * SECOND);
  });

  it('gets back at once what it handed back: no other is there to take it', () => {
    const ledger = makeJob();
    end(ledger, w1, 'HANDED_BACK', 0);
    expect(mayFrom(ledger, w1, [w1])).toBe(0);
  });

  it('goes on with the type of tasks for which it is blocked', () => {
    const ledger = makeJob(4);
    for (const task of [0, 1, 2]) end(ledger, w1, 'FAILED', task, task);
    expect(ledger.blocks.has(ledgerKey('w1', 'render'))).toBe(true);
    expect(mayFrom(ledger, w1, [w1], 3, 3)).toBe(0);
    expect(mayFrom(ledger, w1, [w1], 3, 0)).toBe(30 * SECOND);
  });
});

describe('a farm of two workers', () => {
  it('gives what one failed to the other at once, and to the one itself after ten minutes', () => {
    const ledger = makeJob();
    end(ledger, w1, 'FAILED', 0);
    expect(mayFrom(ledger, w2, [w1, w2])).toBe(0);
    expect(mayFrom(ledger, w1, [w1, w2])).toBe(10 * MINUTE);
  });

  it('judges that at the claim: when the other leaves, only the back-off is left', () => {
    const ledger = makeJob();
    end(ledger, w1, 'FAILED', 0);
    expect(mayFrom(ledger, w1, [w1, w2], SECOND)).toBe(10 * MINUTE);
    expect(mayFrom(ledger, w1, [w1], 2 * SECOND)).toBe(30 * SECOND);
  });

  it('waits for the back-off after the newest failure once both have failed it', () => {
    const ledger = makeJob();
    end(ledger, w1, 'FAILED', 0);
    end(ledger, w2, 'FAILED', 10 * SECOND);
    for (const worker of [w1, w2]) expect(mayFrom(ledger, worker, [w1, w2])).toBe(70 * SECOND);
  });

  it('lets go of avoidance for one that lacks the tag or the task type of the other: it is not capable', () => {
    const ledger = makeJob();
    end(ledger, w1, 'FAILED', 0);
    const other = { ...w2, taskTypes: ['video'] };
    expect(mayFrom(ledger, w1, [w1, other])).toBe(30 * SECOND);
    expect(mayFrom(ledger, other, [w1, other])).toBe(Number.POSITIVE_INFINITY);
  });

  it('keeps a task from who handed it back for the retry delay', () => {
    const ledger = makeJob();
    end(ledger, w1, 'HANDED_BACK', 0);
    expect(mayFrom(ledger, w1, [w1, w2])).toBe(30 * SECOND);
    expect(mayFrom(ledger, w2, [w1, w2])).toBe(0);
  });

  it('does not take handing back for a failure: the other, who handed it back, counts as one that has not failed it', () => {
    const ledger = makeJob();
    end(ledger, w2, 'HANDED_BACK', 0);
    end(ledger, w1, 'FAILED', SECOND);
    expect(mayFrom(ledger, w1, [w1, w2])).toBe(10 * MINUTE + SECOND);
  });

  it('keeps a task from who failed it and then handed it back for the longer of the two times', () => {
    const ledger = makeJob();
    end(ledger, w1, 'FAILED', 0);
    end(ledger, w1, 'HANDED_BACK', 10 * MINUTE - SECOND);
    expect(mayFrom(ledger, w1, [w1, w2])).toBe(10 * MINUTE - SECOND + 30 * SECOND);
  });

  it('counts a lost attempt for avoidance', () => {
    const ledger = makeJob();
    end(ledger, w1, 'LOST', 0);
    expect(mayFrom(ledger, w1, [w1, w2])).toBe(10 * MINUTE);
  });

  it('does not count a stop that was ordered', () => {
    const ledger = makeJob();
    end(ledger, w1, 'STOPPED', 0);
    expect(mayFrom(ledger, w1, [w1, w2])).toBe(0);
  });
});

describe('a farm of three workers', () => {
  it('leaves a task to the third when two have failed it, each avoiding it for ten minutes of its own', () => {
    const ledger = makeJob();
    end(ledger, w1, 'FAILED', 0);
    end(ledger, w2, 'FAILED', MINUTE);
    const farm = [w1, w2, w3];
    expect(farm.map((worker) => mayFrom(ledger, worker, farm))).toEqual([10 * MINUTE, 11 * MINUTE, 0]);
  });

  it('backs off together when all three have failed it', () => {
    const ledger = makeJob();
    [w1, w2, w3].forEach((worker, n) => {
      end(ledger, worker, 'FAILED', n * SECOND);
    });
    const farm = [w1, w2, w3];
    for (const worker of farm) expect(mayFrom(ledger, worker, farm)).toBe(2 * SECOND + 120 * SECOND);
  });

  it('lets the first have it again after ten minutes even while the third is there', () => {
    const ledger = makeJob();
    end(ledger, w1, 'FAILED', 0);
    expect(mayFrom(ledger, w1, [w1, w2, w3], 10 * MINUTE)).toBeLessThanOrEqual(10 * MINUTE);
  });
});

describe('a farm of four workers', () => {
  const farm = [w1, w2, w3, w4];

  it('keeps no task waiting for ever, whoever failed it and in whatever order', () => {
    for (const order of everyOrder(farm))
      for (const there of everySubset(farm)) {
        const ledger = makeJob();
        order.forEach((worker, n) => {
          end(ledger, worker, 'FAILED', n * SECOND);
        });
        const now = order.length * SECOND;
        const soonest = Math.min(...there.map((worker) => mayFrom(ledger, worker, there, now)));
        const isFreshOneThere = there.some((worker) => !order.includes(worker));
        const names = [order, there].map((workers) => workers.map(({ id }) => id));
        if (there.length > 0 && isFreshOneThere) expect([...names, soonest]).toEqual([...names, 0]);
        else if (there.length > 0) expect([names, soonest <= now + MAX_BACK_OFF_MS]).toEqual([names, true]);
      }
  });

  it('backs off when three have failed it and the fourth is blocked: it is not capable', () => {
    const ledger = makeJob(4);
    for (const task of [1, 2, 3]) end(ledger, w4, 'FAILED', 0, task);
    [w1, w2, w3].forEach((worker) => {
      end(ledger, worker, 'FAILED', SECOND, 0);
    });
    expect(mayFrom(ledger, w1, farm, 2 * SECOND)).toBe(SECOND + 120 * SECOND);
    expect(mayFrom(ledger, w4, farm, 2 * SECOND)).toBe(BLOCK_MS);
  });
});

describe('a block', () => {
  const farm = [w1, w2];

  it('comes with failures of three different tasks of one type, and lasts an hour', () => {
    const ledger = makeJob(4);
    for (const task of [0, 1]) end(ledger, w1, 'FAILED', task * MINUTE, task);
    expect(mayFrom(ledger, w1, farm, 2 * MINUTE, 3)).toBe(0);
    end(ledger, w1, 'FAILED', 2 * MINUTE, 2);
    expect(mayFrom(ledger, w1, farm, 2 * MINUTE, 3)).toBe(62 * MINUTE);
    expect(mayFrom(ledger, w2, farm, 2 * MINUTE, 3)).toBe(0);
    expect(mayFrom(ledger, w1, farm, 62 * MINUTE, 3)).toBe(0);
  });

  it('does not come with three failures of two tasks', () => {
    const ledger = makeJob(4);
    for (const task of [0, 0, 1]) end(ledger, w1, 'FAILED', 0, task);
    expect(mayFrom(ledger, w1, farm, 0, 3)).toBe(0);
  });

  it('does not come with tasks of different types, and holds only for its type', () => {
    const ledger = makeJob(5);
    const both = farm.map((worker) => ({ ...worker, taskTypes: ['render', 'video'] }));
    const videos = [2, 4].map((task) => ledger.task(taskId(task)));
    for (const task of videos) Object.assign(task, { type: 'video' });
    for (const task of [0, 1, 2]) end(ledger, w1, 'FAILED', 0, task);
    expect(mayFrom(ledger, both[0]!, both, 0, 3)).toBe(0);
    end(ledger, w1, 'FAILED', 0, 3);
    expect(ledger.blocks.has(ledgerKey('w1', 'render'))).toBe(true);
    expect(mayFrom(ledger, both[0]!, both, 0, 4)).toBe(0);
  });

  it('does not come with attempts that were lost', () => {
    const ledger = makeJob(4);
    for (const task of [0, 1, 2]) end(ledger, w1, 'LOST', 0, task);
    expect(mayFrom(ledger, w1, farm, 0, 3)).toBe(0);
    for (const task of [0, 1]) end(ledger, w1, 'FAILED', 0, task);
    expect(mayFrom(ledger, w1, farm, 0, 3)).toBe(0);
    end(ledger, w1, 'TIMED_OUT', 0, 2);
    expect(mayFrom(ledger, w1, farm, 0, 3)).toBe(BLOCK_MS);
  });

  it('is renewed by another failure, and not by another loss', () => {
    const ledger = makeJob(5);
    for (const task of [0, 1, 2]) end(ledger, w1, 'FAILED', 0, task);
    end(ledger, w1, 'LOST', MINUTE, 3);
    expect(mayFrom(ledger, w1, farm, MINUTE, 4)).toBe(BLOCK_MS);
    end(ledger, w1, 'FAILED', 2 * MINUTE, 3);
    expect(mayFrom(ledger, w1, farm, 2 * MINUTE, 4)).toBe(BLOCK_MS + 2 * MINUTE);
  });

  it('is judged at the claim: it holds only while another capable worker is there', () => {
    const ledger = makeJob(4);
    for (const task of [0, 1, 2]) end(ledger, w1, 'FAILED', 0, task);
    expect(mayFrom(ledger, w1, [w1, w2], 0, 3)).toBe(BLOCK_MS);
    expect(mayFrom(ledger, w1, [w1], 0, 3)).toBe(0);
  });

  it('stops nobody when all are blocked', () => {
    const ledger = makeJob(4);
    for (const worker of farm) for (const task of [0, 1, 2]) end(ledger, worker, 'FAILED', 0, task);
    for (const worker of farm) expect(mayFrom(ledger, worker, farm, 0, 3)).toBe(0);
  });
});

describe('a worker is capable', () => {
  // biome-ignore format: one case per line
  it.each([
    { types: ['render'],          tags: [],             offers: [],           tag: null,  needs: [],           can: true },
    { types: ['render', 'video'], tags: ['gpu'],        offers: ['a:1'],      tag: null,  needs: [],           can: true },
    { types: ['render'],          tags: ['gpu', 'big'], offers: [],           tag: 'gpu', needs: [],           can: true },
    { types: ['render'],          tags: [],             offers: [],           tag: 'gpu', needs: [],           can: false },
    { types: ['video'],           tags: ['gpu'],        offers: [],           tag: 'gpu', needs: [],           can: false },
    { types: [],                  tags: [],             offers: [],           tag: null,  needs: [],           can: false },
    { types: ['render'],          tags: [],             offers: ['b:2','a:1'], tag: null, needs: ['a:1','b:2'], can: true },
    { types: ['render'],          tags: [],             offers: ['a:1'],      tag: null,  needs: ['a:1','b:2'], can: false },
    { types: ['render'],          tags: ['b:2'],        offers: ['a:1'],      tag: null,  needs: ['b:2'],      can: false },
    { types: ['video'],           tags: [],             offers: ['a:1'],      tag: null,  needs: ['a:1'],      can: false },
  ])('of render with the types $types, tags $tags and offers $offers, when tag $tag and $needs are wanted: $can', ({ can, types, tag, needs, ...worker }) => {
    expect(canDo({ id: 'w', taskTypes: types, ...worker }, { taskType: 'render', workerTag: tag, needs })).toBe(can);
  });

  it('and avoidance is as long as the documentation says', () => {
    expect([AVOIDANCE_MS, BLOCK_MS]).toEqual([10 * MINUTE, 60 * MINUTE]);
  });
});

/** Every sequence of different ones, the empty one included. */
function everyOrder<T>(items: readonly T[]): T[][] {
  return [
    [],
    ...items.flatMap((item) => everyOrder(items.filter((other) => other !== item)).map((rest) => [item, ...rest])),
  ];
}

function everySubset<T>(items: readonly T[]): T[][] {
  return Array.from({ length: 2 ** items.length }, (_, bits) => items.filter((_item, index) => bits & (1 << index)));
}

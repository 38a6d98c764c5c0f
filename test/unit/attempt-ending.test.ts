import { describe, expect, it } from 'vitest';
import { endTask } from '../../src/domain/attempt-ending.ts';
import { ATTEMPT_OUTCOMES, type AttemptOutcome } from '../../src/domain/attempt-outcome.ts';
import { isTaskTransition, type TaskStatus } from '../../src/domain/task-status.ts';

const OUTCOMES = Object.keys(ATTEMPT_OUTCOMES) as AttemptOutcome[];

// biome-ignore format: one order per line
const ORDERS = [
  { column: 'none',     order: null },
  { column: 'RECALLED', order: { order: 'RECALLED', reason: 'HANDED_BACK' } },
  { column: 'RECALLED', order: { order: 'RECALLED', reason: 'DEPENDENCY_REQUEUED' } },
  { column: 'CANCELED', order: { order: 'CANCELED', reason: 'USER' } },
  { column: 'CANCELED', order: { order: 'CANCELED', reason: 'JOB_CANCELED' } },
  { column: 'CANCELED', order: { order: 'CANCELED', reason: 'JOB_FAILED' } },
] as const;

/** What a cell of the documentation's table of endings says. */
type Cell = 'completed, and back when open again' | 'completed' | 'counted' | 'not counted' | 'canceled';

// biome-ignore format: the documentation's table, row by row
const ENDINGS: Record<AttemptOutcome, Record<'none' | 'RECALLED' | 'CANCELED', Cell>> = {
  COMPLETED:   { none: 'completed, and back when open again', RECALLED: 'completed, and back when open again', CANCELED: 'completed' },
  FAILED:      { none: 'counted',     RECALLED: 'not counted', CANCELED: 'canceled' },
  TIMED_OUT:   { none: 'counted',     RECALLED: 'not counted', CANCELED: 'canceled' },
  LOST:        { none: 'counted',     RECALLED: 'not counted', CANCELED: 'canceled' },
  STOPPED:     { none: 'not counted', RECALLED: 'not counted', CANCELED: 'canceled' },
  HANDED_BACK: { none: 'not counted', RECALLED: 'not counted', CANCELED: 'canceled' },
};

// biome-ignore format: one outcome per line
const REASON_OF_FAILURE: Partial<Record<AttemptOutcome, string>> = {
  FAILED:    'FAILED_ATTEMPT',
  TIMED_OUT: 'TIMED_OUT',
  LOST:      'WORKER_LOST',
};

interface Case {
  readonly outcome: AttemptOutcome;
  readonly column: 'none' | 'RECALLED' | 'CANCELED';
  readonly order: (typeof ORDERS)[number]['order'];
  readonly failedAttempts: number;
  readonly openDependencies: number;
  readonly maxAttempts: number;
}

const cases: Case[] = OUTCOMES.flatMap((outcome) =>
  ORDERS.flatMap(({ column, order }) =>
    [1, 2, 3, 20].flatMap((maxAttempts) =>
      [0, 1, 2, 19]
        .filter((failedAttempts) => failedAttempts < maxAttempts)
        .flatMap((failedAttempts) =>
          [0, 1, 5].map((openDependencies) => ({
            outcome,
            column,
            order,
            failedAttempts,
            openDependencies,
            maxAttempts,
          })),
        ),
    ),
  ),
);

function expectedPath({ outcome, column, order, failedAttempts, openDependencies, maxAttempts }: Case): string[] {
  const uncounted = order?.reason ?? 'HANDED_BACK';
  switch (ENDINGS[outcome][column]) {
    case 'completed':
      return ['completed FINISHED'];
    case 'completed, and back when open again':
      return openDependencies === 0 ? ['completed FINISHED'] : ['completed FINISHED', 'queued DEPENDENCY_REQUEUED'];
    case 'canceled':
      return [`canceled ${order?.reason}`];
    case 'counted':
      return [`${failedAttempts + 1 === maxAttempts ? 'failed' : 'soft-failed'} ${REASON_OF_FAILURE[outcome]}`];
    case 'not counted':
      return failedAttempts > 0 ? [`soft-failed ${uncounted}`] : [`soft-failed ${uncounted}`, `queued ${uncounted}`];
  }
}

function end({ outcome, order, failedAttempts, openDependencies, maxAttempts }: Case) {
  return endTask(outcome, order, { failedAttempts, openDependencies }, maxAttempts);
}

describe('how an attempt ends', () => {
  it.each(OUTCOMES)(
    '%s: as the table says, for every order, count of failures, limit and open dependency',
    (outcome) => {
      const own = cases.filter((each) => each.outcome === outcome);
      expect(own).toHaveLength(6 * (1 + 2 + 3 + 4) * 3);
      for (const each of own)
        expect([each, end(each).path.map(({ to, reason }) => `${to} ${reason}`)]).toEqual([each, expectedPath(each)]);
    },
  );

  it('counts a failure exactly where the table says so', () => {
    for (const each of cases)
      expect([each, end(each).isCounted]).toEqual([each, ENDINGS[each.outcome][each.column] === 'counted']);
  });

  it('walks along rows of the table of task statuses alone', () => {
    for (const each of cases) {
      let status: TaskStatus = 'active';
      for (const { to } of end(each).path) {
        expect([status, to, isTaskTransition(status, to)]).toEqual([status, to, true]);
        status = to;
      }
    }
  });
});

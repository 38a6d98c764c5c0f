import { describe, expect, it } from 'vitest';
import { foldJob, isFailureLimitReached } from '../../src/domain/job-fold.ts';
import { isJobTransition, JOB_STATUS_NAMES, type JobStatus } from '../../src/domain/job-status.ts';

/** How many tasks are active, claimable, open in another way, completed, failures, and canceled for another reason. */
interface Tasks {
  readonly a: number;
  readonly c: number;
  readonly w: number;
  readonly completed: number;
  readonly failures: number;
  readonly canceled: number;
}

type Cell = 'stays' | 'impossible' | { readonly to: JobStatus; readonly reason: string };
type Column = 'queued' | 'active' | 'cancel-requested' | 'finished';

const ends = (to: JobStatus): Cell => ({ to, reason: 'DEPENDENCY_UNFINISHED' });
const CANCELS: Cell = { to: 'canceled', reason: 'JOB_CANCELED' };

// biome-ignore format: the documentation's table, row by row
const FOLD: readonly { when: (tasks: Tasks, total: number) => boolean; cells: Record<Column, Cell> }[] = [
  { when: ({ a }) => a >= 1,
    cells: { queued: 'impossible', active: 'stays', 'cancel-requested': 'stays', finished: 'impossible' } },
  { when: ({ a, c }) => a === 0 && c >= 1,
    cells: { queued: 'stays', active: 'stays', 'cancel-requested': CANCELS, finished: 'impossible' } },
  { when: ({ a, c, completed }, total) => a === 0 && c === 0 && completed === total,
    cells: { queued: 'impossible', active: ends('completed'), 'cancel-requested': CANCELS, finished: 'stays' } },
  { when: ({ a, c, failures }) => a === 0 && c === 0 && failures >= 1,
    cells: { queued: ends('canceled'), active: ends('failed'), 'cancel-requested': CANCELS, finished: 'stays' } },
  { when: ({ a, c, failures, canceled }) => a === 0 && c === 0 && failures === 0 && canceled >= 1,
    cells: { queued: ends('canceled'), active: ends('canceled'), 'cancel-requested': CANCELS, finished: 'stays' } },
];

const MAX_TASKS = 6;
const tallies = [...everyTally()];

/** The tallies of at most six tasks. Tasks that wait need one that did not complete: dependencies have no cycles. */
function* everyTally(): Generator<{ tasks: Tasks; total: number }> {
  const numbers = Array.from({ length: MAX_TASKS + 1 }, (_, number) => number);
  for (const a of numbers)
    for (const c of numbers)
      for (const w of numbers)
        for (const completed of numbers)
          for (const failures of numbers)
            for (const canceled of numbers) {
              const total = a + c + w + completed + failures + canceled;
              const isPossible = w === 0 || a + c + failures + canceled > 0;
              if (total >= 1 && total <= MAX_TASKS && isPossible)
                yield { tasks: { a, c, w, completed, failures, canceled }, total };
            }
}

function columnOf(status: JobStatus): Column | null {
  if (status === 'completed' || status === 'failed' || status === 'canceled') return 'finished';
  return status === 'queued' || status === 'active' || status === 'cancel-requested' ? status : null;
}

function fold(status: JobStatus, { a, c, completed, failures }: Tasks, total: number): Cell {
  const ending = foldJob(status, { total, active: a, claimable: c, completed, failures });
  return ending ? { to: ending.to, reason: ending.closeOpenTasksAs } : 'stays';
}

describe('the job’s status from its tasks', () => {
  it('has exactly one row for every tally', () => {
    for (const { tasks, total } of tallies) expect(FOLD.filter(({ when }) => when(tasks, total))).toHaveLength(1);
  });

  it.each(JOB_STATUS_NAMES)('is what the table says for a job that is %s, whatever its tasks', (status) => {
    const column = columnOf(status);
    for (const { tasks, total } of tallies) {
      const row = FOLD.find(({ when }) => when(tasks, total))!;
      const cell = column === null ? 'stays' : row.cells[column];
      // The model shows that no job comes to an impossible cell; the fold still keeps to the tables there.
      if (cell !== 'impossible') expect([status, tasks, fold(status, tasks, total)]).toEqual([status, tasks, cell]);
    }
  });

  it('never leaves the table of statuses, not even where the fold’s table says impossible', () => {
    for (const status of JOB_STATUS_NAMES)
      for (const { tasks, total } of tallies) {
        const result = fold(status, tasks, total);
        if (typeof result === 'object')
          expect([status, result.to, isJobTransition(status, result.to)]).toEqual([status, result.to, true]);
      }
  });
});

describe('the failure limit', () => {
  // biome-ignore format: one border per line
  it.each([
    { total: 1,   percent: 10,  least: 1 },
    { total: 10,  percent: 10,  least: 1 },
    { total: 11,  percent: 10,  least: 2 },
    { total: 20,  percent: 10,  least: 2 },
    { total: 21,  percent: 10,  least: 3 },
    { total: 24,  percent: 10,  least: 3 },
    { total: 100, percent: 10,  least: 10 },
    { total: 100, percent: 1,   least: 1 },
    { total: 101, percent: 1,   least: 2 },
    { total: 10,  percent: 50,  least: 5 },
    { total: 11,  percent: 50,  least: 6 },
    { total: 24,  percent: 100, least: 24 },
    { total: 3,   percent: 33,  least: 1 },
    { total: 3,   percent: 34,  least: 2 },
  ])('of $percent % of $total tasks is reached by $least failed ones and not by fewer', ({ total, percent, least }) => {
    const reaching = Array.from({ length: total + 1 }, (_, failed) => failed).filter((failed) =>
      isFailureLimitReached(failed, total, percent),
    );
    expect(reaching[0]).toBe(least);
    expect(reaching).toHaveLength(total + 1 - least);
  });

  it('is what the formula says, for every number of tasks and every percentage', () => {
    for (let total = 1; total <= 100; total++)
      for (let percent = 1; percent <= 100; percent++)
        for (let failed = 1; failed <= total; failed++)
          if (isFailureLimitReached(failed, total, percent) !== failed * 100 >= percent * total)
            expect.fail(`${failed} of ${total} at ${percent} %`);
  });
});

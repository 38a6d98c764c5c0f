import { afterAll, describe, expect, it } from 'vitest';
import { JOB_RESTS, TASK_RESTS } from './check-state.ts';
import { describeWalks } from './describe.ts';
import { RECORDABLE, ROWS_NEVER_RECORDED } from './documented-tables.ts';
import { FAILURE_LIMITS, type FailureLimit, planOf, SHAPES, type Shape } from './plan.ts';
import { POSSIBLE_PAIRS } from './possible-pairs.ts';
import { ONE_BY_ONE, WITH_BATCHES } from './rules.ts';
import { mergeMet, type Walk, walk } from './walk.ts';

const shapes = (Object.keys(SHAPES) as Shape[]).filter((shape) => SHAPES[shape].length === 3);
const limits = Object.keys(FAILURE_LIMITS) as FailureLimit[];
const walks: Walk[] = [];

describe.each(shapes)('every reachable state of a job of %s', { timeout: 120_000 }, (shape) => {
  describe.each(limits)('with a failure limit of %s', (limit) => {
    it('keeps to the tables, breaks no invariant and is no dead end: two attempts, reports alone and in pairs', () => {
      expect(findingsOf(walk(planOf(shape, 2, limit), WITH_BATCHES))).toBe('');
    });

    it('keeps to the tables, breaks no invariant and is no dead end: three attempts', () => {
      expect(findingsOf(walk(planOf(shape, 3, limit), ONE_BY_ONE))).toBe('');
    });
  });
});

describe('all of these together', () => {
  it('rest in six statuses of a job: never in under-construction, requeueing or paused', () => {
    expect([...mergeMet(walks).jobStatuses].sort()).toEqual([...JOB_RESTS].sort());
  });

  it('rest in six statuses of a task: never in paused', () => {
    expect([...mergeMet(walks).taskStatuses].sort()).toEqual([...TASK_RESTS].sort());
  });

  it('meet the statuses of job and task in exactly these combinations', () => {
    const possible = Object.entries(POSSIBLE_PAIRS).flatMap(([job, tasks]) => tasks.map((task) => `${job}: ${task}`));
    expect([...mergeMet(walks).pairs].sort()).toEqual(possible.sort());
  });

  it('record every row of the tables and every hop, but for the five rows that are never recorded directly', () => {
    const { job, task, deletion } = mergeMet(walks).changes;
    const never = new Set<string>([...ROWS_NEVER_RECORDED, 'under-construction → queued']);
    expect([...job].sort()).toEqual([...RECORDABLE.job].filter((change) => !never.has(change)).sort());
    expect([...task].sort()).toEqual([...RECORDABLE.task].sort());
    expect(deletion.size).toBe(0);
  });
});

afterAll(() => console.log(describeWalks(walks)));

function findingsOf(done: Walk): string {
  walks.push(done);
  return done.findings.join('\n');
}

import { describe, expect, it } from 'vitest';
import {
  isOpenTask,
  isTaskTransition,
  nextTaskStatuses,
  TASK_STATUS_NAMES,
  TASK_STATUSES,
} from '../../src/domain/task-status.ts';
import { DOCUMENTED_TASK_STATUSES } from '../model/documented-tables.ts';

const rows = new Map(DOCUMENTED_TASK_STATUSES.map(({ status, next }) => [status, next]));

describe('the table of task statuses', () => {
  it('has the documented statuses in the documented order', () => {
    expect(TASK_STATUS_NAMES).toEqual(DOCUMENTED_TASK_STATUSES.map(({ status }) => status));
  });

  it('says what each means in the documented words', () => {
    const meanings = TASK_STATUS_NAMES.map((status) => TASK_STATUSES[status].meaning.replace(/\.$/, '').toLowerCase());
    expect(meanings).toEqual(DOCUMENTED_TASK_STATUSES.map(({ meaning }) => meaning));
  });

  it.each(DOCUMENTED_TASK_STATUSES)('lets $next follow $status, in this order', ({ status, next }) => {
    expect(nextTaskStatuses(status as keyof typeof TASK_STATUSES)).toEqual(next);
  });

  it('has a row for exactly the documented ones of all 49 pairs', () => {
    const pairs = TASK_STATUS_NAMES.flatMap((from) => TASK_STATUS_NAMES.map((to) => [from, to] as const));
    expect(pairs).toHaveLength(49);
    for (const [from, to] of pairs)
      expect([from, to, isTaskTransition(from, to)]).toEqual([from, to, rows.get(from)?.includes(to)]);
  });

  it('counts queued and soft-failed as waiting', () => {
    expect(TASK_STATUS_NAMES.filter(isOpenTask)).toEqual(['queued', 'soft-failed']);
  });
});

import { describe, expect, it } from 'vitest';
import {
  isDeletableJob,
  isFinishedJob,
  isJobRequest,
  isJobTransition,
  isRecordableJobChange,
  JOB_STATUS_NAMES,
  JOB_STATUSES,
  mayRunTasks,
  nextJobStatuses,
} from '../../src/domain/job-status.ts';
import { DOCUMENTED_HOPS, DOCUMENTED_JOB_STATUSES, ROWS_NEVER_RECORDED } from '../model/documented-tables.ts';

const rows = new Map(DOCUMENTED_JOB_STATUSES.map(({ status, next }) => [status, next]));
const hops = new Set(DOCUMENTED_HOPS.map(([from, to]) => `${from} → ${to}`));
const pairs = JOB_STATUS_NAMES.flatMap((from) => JOB_STATUS_NAMES.map((to) => [from, to] as const));

describe('the table of job statuses', () => {
  it('has the documented statuses in the documented order', () => {
    expect(JOB_STATUS_NAMES).toEqual(DOCUMENTED_JOB_STATUSES.map(({ status }) => status));
  });

  it('says what each means in the documented words', () => {
    const meanings = JOB_STATUS_NAMES.map((status) => JOB_STATUSES[status].meaning.replace(/\.$/, '').toLowerCase());
    expect(meanings).toEqual(DOCUMENTED_JOB_STATUSES.map(({ meaning }) => meaning));
  });

  it.each(DOCUMENTED_JOB_STATUSES)('lets $next follow $status, in this order', ({ status, next }) => {
    expect(nextJobStatuses(status as keyof typeof JOB_STATUSES)).toEqual(next);
  });

  it('has a row for exactly the documented ones of all 81 pairs', () => {
    expect(pairs).toHaveLength(81);
    for (const [from, to] of pairs)
      expect([from, to, isJobTransition(from, to)]).toEqual([from, to, rows.get(from)?.includes(to)]);
  });
});

describe('a user’s request', () => {
  it('hops from exactly the documented ones of all 81 pairs', () => {
    for (const [from, to] of pairs)
      expect([from, to, isJobRequest(from, to)]).toEqual([from, to, hops.has(`${from} → ${to}`)]);
  });
});

describe('a recorded change of a job', () => {
  it('is a row or a hop, for all 81 pairs', () => {
    for (const [from, to] of pairs) {
      const isDocumented = rows.get(from)!.includes(to) || hops.has(`${from} → ${to}`);
      expect([from, to, isRecordableJobChange(from, to)]).toEqual([from, to, isDocumented]);
    }
  });

  it('begins with the birth: nothing → under-construction, and nothing else', () => {
    expect(JOB_STATUS_NAMES.filter((to) => isRecordableJobChange(null, to))).toEqual(['under-construction']);
  });

  it('never takes the five rows before which a request stands, though the table has them', () => {
    for (const row of ROWS_NEVER_RECORDED) {
      const [from, to] = row.split(' → ');
      expect(rows.get(from!)).toContain(to);
    }
  });
});

describe('a status is asked, not compared', () => {
  // biome-ignore format: one status per line
  it.each([
    { status: 'under-construction', finished: false, runs: false, deletable: false },
    { status: 'queued',             finished: false, runs: true,  deletable: true },
    { status: 'active',             finished: false, runs: true,  deletable: false },
    { status: 'completed',          finished: true,  runs: false, deletable: true },
    { status: 'failed',             finished: true,  runs: false, deletable: true },
    { status: 'cancel-requested',   finished: false, runs: false, deletable: false },
    { status: 'canceled',           finished: true,  runs: false, deletable: true },
    { status: 'requeueing',         finished: false, runs: false, deletable: false },
    { status: 'paused',             finished: false, runs: false, deletable: false },
  ] as const)('$status: finished $finished, runs tasks $runs, deletable $deletable', ({ status, finished, runs, deletable }) => {
    expect([isFinishedJob(status), mayRunTasks(status), isDeletableJob(status)]).toEqual([finished, runs, deletable]);
  });
});

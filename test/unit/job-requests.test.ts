import { describe, expect, it } from 'vitest';
import { judgeJobRequest, refuseJobRequest, requestableJobStatuses } from '../../src/domain/job-requests.ts';
import { JOB_STATUS_NAMES, type JobStatus } from '../../src/domain/job-status.ts';

/** What setJobStatus answers: the request that it stands for, that it is pending, or why not. */
// biome-ignore format: a legend
const ANSWERS = {
  cancel:  { request: 'cancel' },
  requeue: { request: 'requeue' },
  pending: { pending: true },
  noRow:   { refusal: 'NOT_IN_TABLE' },
  gateway: { refusal: 'SET_BY_GATEWAY_ONLY' },
  reserved: { refusal: 'NOT_IMPLEMENTED' },
} as const;
type Answer = keyof typeof ANSWERS;

/** All 81 pairs: a line for each present status, a column for each wanted one, in the order of the table of statuses. */
// biome-ignore format: the documentation's table of actions, turned
const TABLE: Record<JobStatus, readonly Answer[]> = {
//                    under-constr. queued     active     completed  failed     cancel-req. canceled   requeueing paused
  'under-construction': ['noRow',   'gateway', 'gateway', 'noRow',   'noRow',   'noRow',    'noRow',   'noRow',   'reserved'],
  'queued':             ['noRow',   'noRow',   'gateway', 'noRow',   'noRow',   'cancel',   'cancel',  'noRow',   'reserved'],
  'active':             ['noRow',   'noRow',   'noRow',   'gateway', 'gateway', 'cancel',   'cancel',  'noRow',   'reserved'],
  'completed':          ['noRow',   'requeue', 'noRow',   'noRow',   'noRow',   'noRow',    'noRow',   'requeue', 'reserved'],
  'failed':             ['noRow',   'requeue', 'noRow',   'noRow',   'noRow',   'cancel',   'cancel',  'requeue', 'reserved'],
  'cancel-requested':   ['noRow',   'noRow',   'noRow',   'noRow',   'noRow',   'pending',  'pending', 'noRow',   'reserved'],
  'canceled':           ['noRow',   'requeue', 'noRow',   'noRow',   'noRow',   'noRow',    'noRow',   'requeue', 'reserved'],
  'requeueing':         ['noRow',   'gateway', 'noRow',   'noRow',   'noRow',   'noRow',    'noRow',   'noRow',   'reserved'],
  'paused':             ['noRow',   'noRow',   'noRow',   'noRow',   'noRow',   'noRow',    'noRow',   'noRow',   'reserved'],
};

/** What a user may ask of each status in which a job rests. */
// biome-ignore format: one status per line
const ALLOWED: Partial<Record<JobStatus, readonly JobStatus[]>> = {
  'queued':           ['cancel-requested', 'canceled'],
  'active':           ['cancel-requested', 'canceled'],
  'completed':        ['queued', 'requeueing'],
  'failed':           ['queued', 'cancel-requested', 'canceled', 'requeueing'],
  'cancel-requested': ['cancel-requested', 'canceled'],
  'canceled':         ['queued', 'requeueing'],
};

describe('a user’s wish for a job’s status', () => {
  it.each(JOB_STATUS_NAMES)('is judged as documented when the job is %s, for all nine statuses', (from) => {
    expect(TABLE[from]).toHaveLength(9);
    JOB_STATUS_NAMES.forEach((to, column) => {
      expect([from, to, judgeJobRequest(from, to)]).toEqual([from, to, ANSWERS[TABLE[from][column]!]]);
    });
  });

  it.each(Object.entries(ALLOWED))('may be these when the job is %s: %s', (from, allowed) => {
    expect(requestableJobStatuses(from as JobStatus)).toEqual(allowed);
  });
});

describe('the refusal of a job’s status', () => {
  const job = (status: JobStatus) => ({ id: '7', name: 'shot_010', status });

  it('says what the job is, why not, and what would have worked', () => {
    const error = refuseJobRequest(job('completed'), 'canceled', 'NOT_IN_TABLE', ['queued', 'requeueing']);
    expect(error.message).toBe(
      'Job "shot_010" is completed: canceled does not follow completed; it can become: queued (requeueJob).',
    );
    expect(error).toMatchObject({ code: 'ILLEGAL_TRANSITION', jobId: '7' });
    expect(error.refused).toEqual({
      from: 'completed',
      to: 'canceled',
      refusal: 'NOT_IN_TABLE',
      allowed: ['queued', 'requeueing'],
    });
  });

  it('of paused says that it is not implemented', () => {
    const error = refuseJobRequest(job('active'), 'paused', 'NOT_IMPLEMENTED', []);
    expect(error.message).toContain('the status paused is reserved and not implemented');
  });

  it('of active, completed and failed says that only the gateway sets them', () => {
    const error = refuseJobRequest(job('active'), 'failed', 'SET_BY_GATEWAY_ONLY', []);
    expect(error.message).toContain('only the gateway makes a job failed; it can become: canceled (cancelJob).');
  });
});

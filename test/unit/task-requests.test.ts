import { describe, expect, it } from 'vitest';
import { JOB_STATUS_NAMES, type JobStatus } from '../../src/domain/job-status.ts';
import { judgeTaskRequest, refuseTaskRequest, requestableTaskStatuses } from '../../src/domain/task-requests.ts';
import { TASK_STATUS_NAMES, type TaskStatus } from '../../src/domain/task-status.ts';
import { DOCUMENTED_TASK_STATUSES } from '../model/documented-tables.ts';
import { POSSIBLE_PAIRS } from '../model/possible-pairs.ts';

/** What setTaskStatus answers: the request that it stands for, that it is pending, or why not. */
// biome-ignore format: a legend
const ANSWERS = {
  'cancel':   { request: 'cancel' },
  'stop':     { request: 'stop' },
  'requeue':  { request: 'requeue' },
  'give up':  { request: 'give-up' },
  'accept':   { request: 'accept' },
  'pending':  { pending: true },
  'no row':   { refusal: 'NOT_IN_TABLE' },
  'gateway':  { refusal: 'SET_BY_GATEWAY_ONLY' },
  'stopping': { refusal: 'JOB_IS_STOPPING' },
  'reserved': { refusal: 'NOT_IMPLEMENTED' },
} as const;
type Answer = keyof typeof ANSWERS;

/** A line for each status of the job with each of the task, a column for each wanted status, in the table's order. */
// biome-ignore format: the documentation's table of actions, turned
const TABLE: Record<string, readonly Answer[]> = {
//                                            queued      active     completed   soft-failed failed      canceled   paused
  'queued: queued':                          ['no row',   'gateway', 'no row',   'no row',   'no row',   'cancel',  'reserved'],
  'queued: completed':                       ['requeue',  'no row',  'no row',   'no row',   'no row',   'no row',  'reserved'],
  'queued: failed':                          ['requeue',  'no row',  'no row',   'no row',   'no row',   'cancel',  'reserved'],
  'queued: canceled':                        ['requeue',  'no row',  'no row',   'no row',   'no row',   'no row',  'reserved'],

  'active: queued':                          ['no row',   'gateway', 'no row',   'no row',   'no row',   'cancel',  'reserved'],
  'active: active':                          ['no row',   'no row',  'gateway',  'gateway',  'gateway',  'stop',    'reserved'],
  'active: active, being canceled':          ['no row',   'no row',  'gateway',  'gateway',  'gateway',  'pending', 'reserved'],
  'active: completed':                       ['requeue',  'no row',  'no row',   'no row',   'no row',   'no row',  'reserved'],
  'active: soft-failed':                     ['requeue',  'no row',  'accept',   'no row',   'give up',  'cancel',  'reserved'],
  'active: failed':                          ['requeue',  'no row',  'no row',   'no row',   'no row',   'cancel',  'reserved'],
  'active: canceled':                        ['requeue',  'no row',  'no row',   'no row',   'no row',   'no row',  'reserved'],

  'completed: completed':                    ['requeue',  'no row',  'no row',   'no row',   'no row',   'no row',  'reserved'],

  'failed: completed':                       ['requeue',  'no row',  'no row',   'no row',   'no row',   'no row',  'reserved'],
  'failed: failed':                          ['requeue',  'no row',  'no row',   'no row',   'no row',   'cancel',  'reserved'],
  'failed: canceled':                        ['requeue',  'no row',  'no row',   'no row',   'no row',   'no row',  'reserved'],

  'cancel-requested: active, being canceled': ['no row',  'no row',  'stopping', 'stopping', 'stopping', 'pending', 'reserved'],
  'cancel-requested: completed':             ['stopping', 'no row',  'no row',   'no row',   'no row',   'no row',  'reserved'],
  'cancel-requested: failed':                ['stopping', 'no row',  'no row',   'no row',   'no row',   'stopping', 'reserved'],
  'cancel-requested: canceled':              ['stopping', 'no row',  'no row',   'no row',   'no row',   'no row',  'reserved'],

  'canceled: completed':                     ['requeue',  'no row',  'no row',   'no row',   'no row',   'no row',  'reserved'],
  'canceled: failed':                        ['requeue',  'no row',  'no row',   'no row',   'no row',   'cancel',  'reserved'],
  'canceled: canceled':                      ['requeue',  'no row',  'no row',   'no row',   'no row',   'no row',  'reserved'],
};

const rows = new Map(DOCUMENTED_TASK_STATUSES.map(({ status, next }) => [status, next]));

function readPair(pair: string): { job: JobStatus; task: { status: TaskStatus; isBeingCanceled: boolean } } {
  const [, job, status, more] = /^([a-z-]+): ([a-z-]+)(, being canceled)?$/.exec(pair)!;
  return { job: job as JobStatus, task: { status: status as TaskStatus, isBeingCanceled: more !== undefined } };
}

describe('a user’s wish for a task’s status', () => {
  it('is documented for every combination of job and task that can be met', () => {
    const possible = Object.entries(POSSIBLE_PAIRS).flatMap(([job, tasks]) => tasks.map((task) => `${job}: ${task}`));
    expect(Object.keys(TABLE).sort()).toEqual(possible.sort());
  });

  it.each(Object.keys(TABLE))('is judged as documented when job and task are %s, for all seven statuses', (pair) => {
    const { job, task } = readPair(pair);
    expect(TABLE[pair]).toHaveLength(7);
    TASK_STATUS_NAMES.forEach((to, column) => {
      expect([pair, to, judgeTaskRequest(job, task, to)]).toEqual([pair, to, ANSWERS[TABLE[pair]![column]!]]);
    });
  });

  it.each(Object.keys(TABLE))('may be what is accepted, and nothing else, when job and task are %s', (pair) => {
    const { job, task } = readPair(pair);
    const accepted = TASK_STATUS_NAMES.filter((_, column) => !('refusal' in ANSWERS[TABLE[pair]![column]!]));
    expect(requestableTaskStatuses(job, { ...task, waitsInVain: false })).toEqual(accepted);
    const inVain = requestableTaskStatuses(job, { ...task, waitsInVain: true });
    expect(inVain).toEqual(accepted.filter((to) => to !== 'queued'));
  });

  it('is refused for the first reason that holds, in combinations that cannot be met too', () => {
    for (const job of JOB_STATUS_NAMES)
      for (const status of TASK_STATUS_NAMES)
        for (const isBeingCanceled of [false, true])
          for (const to of TASK_STATUS_NAMES) {
            const verdict = judgeTaskRequest(job, { status, isBeingCanceled }, to);
            const of = [job, status, isBeingCanceled, to];
            if (to === 'paused') expect([...of, verdict]).toEqual([...of, { refusal: 'NOT_IMPLEMENTED' }]);
            else if (!rows.get(status)!.includes(to))
              expect([...of, verdict]).toEqual([...of, { refusal: 'NOT_IN_TABLE' }]);
            else if (job === 'cancel-requested') {
              const expected =
                to === 'canceled' && isBeingCanceled ? { pending: true } : { refusal: 'JOB_IS_STOPPING' };
              expect([...of, verdict]).toEqual([...of, expected]);
            } else if ('refusal' in verdict) expect([...of, verdict.refusal]).toEqual([...of, 'SET_BY_GATEWAY_ONLY']);
            else if (to === 'failed' || to === 'completed') expect(of.slice(0, 2)).toEqual(['active', 'soft-failed']);
          }
  });
});

describe('the refusal of a task’s status', () => {
  const task = {
    id: '9',
    name: 'frames 1-4',
    status: 'soft-failed',
    isBeingCanceled: false,
    waitsInVain: false,
  } as const;

  it('says what the task is, why not, and what would have worked', () => {
    const allowed = requestableTaskStatuses('active', task);
    const error = refuseTaskRequest({ status: 'active' }, task, 'active', 'NOT_IN_TABLE', allowed);
    expect(error.message).toBe(
      'Task "frames 1-4" is soft-failed: active does not follow soft-failed; it can become: queued, completed, failed, canceled.',
    );
    expect(error).toMatchObject({ code: 'ILLEGAL_TRANSITION', taskId: '9' });
    expect(error.refused).toEqual({ from: 'soft-failed', to: 'active', refusal: 'NOT_IN_TABLE', allowed });
  });

  it('in a job that is being canceled says so', () => {
    const failed = { ...task, status: 'failed' } as const;
    const error = refuseTaskRequest({ status: 'cancel-requested' }, failed, 'queued', 'JOB_IS_STOPPING', []);
    expect(error.message).toBe(
      'Task "frames 1-4" is failed: its job is being canceled; there is nothing to ask for now.',
    );
  });
});

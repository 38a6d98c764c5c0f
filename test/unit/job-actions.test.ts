import { describe, expect, it } from 'vitest';
import { DependencyUnfinishedError } from '../../src/domain/errors.ts';
import { cancelJob, changeTask, requeueForFrames, requeueJob, requeueTasks } from '../../src/domain/job-actions.ts';
import type { JobLedger } from '../../src/domain/job-ledger.ts';
import { makePlan, taskId } from '../model/plan.ts';
import { FRESH_TASK, type ModelTask, openLedger, readState, type State } from '../model/state.ts';

const AT = new Date('2026-03-01T10:00:00Z');
const ASKER = { actor: 'mara', comment: 'wrong camera' };

type Given = Partial<ModelTask> & Pick<ModelTask, 'status'>;

const queued: Given = { status: 'queued' };
const active: Given = { status: 'active', attemptCount: 1 };
const completed: Given = { status: 'completed', attemptCount: 1 };
const softFailed: Given = { status: 'soft-failed', failedAttempts: 1, attemptCount: 1 };
const failed: Given = { status: 'failed', failedAttempts: 3, attemptCount: 3 };
const canceledBy = (reason: ModelTask['reason']): Given => ({ status: 'canceled', reason });

/** A job in which the tasks stand so; a chain unless told otherwise. */
function makeLedger(status: State['job']['status'], given: readonly Given[], dependencies = chain(given.length)) {
  const plan = makePlan('shot_010', dependencies, 3, 100);
  const tasks = given.map((task, index) => {
    const openDependencies = dependencies[index]!.filter((id) => given[id]!.status !== 'completed').length;
    return { ...FRESH_TASK, ...task, openDependencies };
  });
  return { plan, ledger: openLedger({ plan, job: { status, reason: 'SUBMITTED', sequence: 10 }, tasks }) };
}

function chain(length: number): number[][] {
  return Array.from({ length }, (_, index) => (index === 0 ? [] : [index - 1]));
}

const independent = (length: number): number[][] => Array.from({ length }, () => []);

function requeue({ ledger }: { ledger: JobLedger }, ...indexes: number[]): void {
  requeueTasks(
    ledger,
    indexes.map((index) => ledger.task(taskId(index))),
    ASKER,
    AT,
  );
}

/** Each record as `from → to REASON of which tasks`, with who and what they said. */
function tell(ledger: JobLedger): string[] {
  return ledger.records.map(({ from, to, reason, actor, message, tasks }) => {
    const of = tasks.length > 0 ? ` of ${tasks.map(({ id }) => id.replace('task ', '')).join(',')}` : '';
    return `${from} → ${to} ${reason}${of} by ${actor}${message ? ` (${message})` : ''}`;
  });
}

const statusesOf = ({ tasks }: State) => tasks.map(({ status }) => status);

describe('cancelJob', () => {
  it('ends a queued job in one transaction, with both hops and one record for all its tasks', () => {
    const { ledger } = makeLedger('queued', [queued, queued, queued], independent(3));
    cancelJob(ledger, ASKER, AT);
    expect(tell(ledger)).toEqual([
      'queued → cancel-requested USER by mara (wrong camera)',
      'queued → canceled JOB_CANCELED of 1,2,3 by mara (wrong camera)',
      'cancel-requested → canceled FINISHED by gateway',
    ]);
    expect(ledger.job).toMatchObject({ status: 'canceled', finishedAt: AT });
  });

  it('waits for what runs, which is told to stop', () => {
    const { ledger } = makeLedger('active', [completed, active, queued, softFailed], independent(4));
    cancelJob(ledger, ASKER, AT);
    expect(ledger.job.status).toBe('cancel-requested');
    expect(ledger.task('task 2')).toMatchObject({ status: 'active', stopRequestedAt: AT });
    expect(ledger.attempts.get('task 2')).toMatchObject({
      stopOrder: 'CANCELED',
      stopReason: 'JOB_CANCELED',
      stopRequestedBy: 'mara',
      stopComment: 'wrong camera',
      stopSentAt: null,
    });
    expect(tell(ledger).slice(1)).toEqual([
      'queued → canceled JOB_CANCELED of 3 by mara (wrong camera)',
      'soft-failed → canceled JOB_CANCELED of 4 by mara (wrong camera)',
    ]);
  });

  it('of a failed job passes both hops, and failed tasks stay', () => {
    const { ledger, plan } = makeLedger('failed', [failed, canceledBy('JOB_FAILED'), completed], independent(3));
    cancelJob(ledger, ASKER, AT);
    expect(tell(ledger)).toEqual([
      'failed → cancel-requested USER by mara (wrong camera)',
      'cancel-requested → canceled FINISHED by gateway',
    ]);
    expect(statusesOf(readState(plan, ledger))).toEqual(['failed', 'canceled', 'completed']);
  });
});

describe('requeueJob', () => {
  it('queues all tasks of a job that completed', () => {
    const { ledger, plan } = makeLedger('completed', [completed, completed]);
    requeueJob(ledger, ASKER, AT);
    expect(tell(ledger)).toEqual([
      'completed → requeueing USER by mara (wrong camera)',
      'completed → queued USER of 1,2 by mara (wrong camera)',
      'requeueing → queued USER by mara (wrong camera)',
    ]);
    expect(readState(plan, ledger).tasks.map(({ openDependencies }) => openDependencies)).toEqual([0, 1]);
  });

  it('queues all tasks of a canceled job whose tasks had all completed', () => {
    const { ledger, plan } = makeLedger('canceled', [completed, completed]);
    requeueJob(ledger, ASKER, AT);
    expect(statusesOf(readState(plan, ledger))).toEqual(['queued', 'queued']);
  });

  it('otherwise queues those that did not complete, and completed ones stay', () => {
    const given = [
      completed,
      failed,
      canceledBy('USER'),
      canceledBy('JOB_FAILED'),
      canceledBy('DEPENDENCY_UNFINISHED'),
    ];
    const { ledger, plan } = makeLedger('failed', given, independent(5));
    requeueJob(ledger, ASKER, AT);
    expect(statusesOf(readState(plan, ledger))).toEqual(['completed', 'queued', 'queued', 'queued', 'queued']);
    expect(ledger.job.tasksCanceledByFailure).toBe(0);
  });

  it('clears counters, failure records, blocks, error and times, and keeps the number of attempts', () => {
    const { ledger } = makeLedger('failed', [failed, failed], independent(2));
    Object.assign(ledger.job, { error: 'it broke', startedAt: AT, finishedAt: AT, recentFrameSeconds: [1, 2] });
    requeueJob(ledger, ASKER, AT);
    expect(ledger.isForgiven).toBe(true);
    expect(ledger.task('task 1')).toMatchObject({ failedAttempts: 0, lastFailedAt: null, attemptCount: 3 });
    expect(ledger.job).toMatchObject({ error: null, startedAt: null, finishedAt: null, recentFrameSeconds: [] });
  });
});

describe('requeueTasks', () => {
  it('of a finished job passes both hops; of an active one leaves the job as it is', () => {
    const done = makeLedger('completed', [completed]);
    requeue(done, 0);
    expect(tell(done.ledger)).toEqual([
      'completed → requeueing USER by mara (wrong camera)',
      'completed → queued USER of 1 by mara (wrong camera)',
      'requeueing → queued USER by mara (wrong camera)',
    ]);
    const running = makeLedger('active', [failed, active], independent(2));
    requeue(running, 0);
    expect(tell(running.ledger)).toEqual(['failed → queued USER of 1 by mara (wrong camera)']);
  });

  it('takes the transitive dependents along that were done, failed or were closed, and recalls the active ones', () => {
    const given = [completed, completed, failed, canceledBy('JOB_FAILED'), canceledBy('DEPENDENCY_UNFINISHED'), active];
    const star = [[], [0], [0], [0], [1], [0]];
    const { ledger, plan } = makeLedger('active', given, star);
    requeue({ ledger }, 0);
    const state = readState(plan, ledger);
    expect(statusesOf(state)).toEqual(['queued', 'queued', 'queued', 'queued', 'queued', 'active']);
    expect(state.tasks[5]?.stop).toEqual({ order: 'RECALLED', reason: 'DEPENDENCY_REQUEUED' });
    expect(tell(ledger)).toEqual([
      'completed → queued USER of 1 by mara (wrong camera)',
      'canceled → queued DEPENDENCY_REQUEUED of 4,5 by mara (wrong camera)',
      'completed → queued DEPENDENCY_REQUEUED of 2 by mara (wrong camera)',
      'failed → queued DEPENDENCY_REQUEUED of 3 by mara (wrong camera)',
    ]);
  });

  it.each(['USER', 'JOB_CANCELED'] as const)('stops at a dependent that a user canceled (%s)', (reason) => {
    const { ledger, plan } = makeLedger('canceled', [completed, canceledBy(reason), completed]);
    requeue({ ledger }, 0);
    expect(statusesOf(readState(plan, ledger))).toEqual(['queued', 'canceled', 'completed']);
  });

  it('goes on beyond a dependent that waits already', () => {
    const { ledger, plan } = makeLedger('active', [completed, queued, completed]);
    requeue({ ledger }, 0);
    expect(statusesOf(readState(plan, ledger))).toEqual(['queued', 'queued', 'queued']);
    expect(ledger.task('task 2').openDependencies).toBe(1);
  });

  it('reaches a dependent by whatever way is not closed, and once', () => {
    const diamond = [[], [0], [0], [1, 2]];
    const { ledger, plan } = makeLedger('canceled', [completed, canceledBy('USER'), completed, completed], diamond);
    requeue({ ledger }, 0);
    expect(statusesOf(readState(plan, ledger))).toEqual(['queued', 'canceled', 'queued', 'queued']);
    expect(ledger.task('task 4').openDependencies).toBe(2);
  });

  it.each([failed, canceledBy('USER')])(
    'is refused while a dependency is $status, and nothing is written',
    (dependency) => {
      const { ledger } = makeLedger('failed', [dependency, canceledBy('DEPENDENCY_UNFINISHED')]);
      expect(() => requeue({ ledger }, 1)).toThrow(DependencyUnfinishedError);
      expect(() => requeue({ ledger }, 1)).toThrow(
        `Task "task 2" depends on "task 1" (${dependency.status}): requeue that first.`,
      );
      expect(ledger.records).toEqual([]);
      expect(ledger.dirtyTasks.size).toBe(0);
    },
  );

  it('names at most five of the dependencies in the message, and all of them in the error', () => {
    const given = [...Array.from({ length: 7 }, () => failed), canceledBy('DEPENDENCY_UNFINISHED')];
    const fan = [...independent(7), [0, 1, 2, 3, 4, 5, 6]];
    const { ledger } = makeLedger('failed', given, fan);
    try {
      requeue({ ledger }, 7);
      expect.unreachable();
    } catch (error) {
      expect((error as DependencyUnfinishedError).message).toContain(
        '"task 5" (failed) and 2 more: requeue that first.',
      );
      expect((error as DependencyUnfinishedError).dependencyIds).toHaveLength(7);
    }
  });

  it('forgets the task’s failures and its back-off', () => {
    const { ledger, plan } = makeLedger('active', [{ ...softFailed, backsOff: true }, active], independent(2));
    requeue({ ledger }, 0);
    expect(ledger.forgivenTasks).toEqual(new Set(['task 1']));
    expect(readState(plan, ledger).tasks[0]).toMatchObject({ status: 'queued', failedAttempts: 0, backsOff: false });
  });

  it('makes a lost attempt stale: it may not come back', () => {
    const { ledger, plan } = makeLedger('active', [{ ...softFailed, mayComeBack: true }, active], independent(2));
    requeue({ ledger }, 0);
    expect(readState(plan, ledger).tasks[0]?.mayComeBack).toBe(false);
  });

  it('ends the job when what it puts back waits in vain and was all that others could go on with', () => {
    // Task 3 completed while task 2 was open again; task 4 could run; task 2 waits for a task that a user canceled.
    const { ledger } = makeLedger('active', [canceledBy('USER'), queued, completed, queued]);
    requeue({ ledger }, 2);
    expect(ledger.job.status).toBe('canceled');
    expect(tell(ledger)).toEqual([
      'completed → queued USER of 3 by mara (wrong camera)',
      'queued → canceled DEPENDENCY_UNFINISHED of 2,3,4 by gateway',
      'active → canceled FINISHED by gateway',
    ]);
  });
});

describe('requeueForFrames', () => {
  const requeueFor = ({ ledger }: { ledger: JobLedger }, ...indexes: number[]) =>
    requeueForFrames(
      ledger,
      indexes.map((index) => ledger.task(taskId(index))),
      ASKER,
      AT,
    ).map(({ id }) => id);

  it('puts them all back in one go: both hops, one record for each kind of change, dependents once', () => {
    const given = [completed, failed, completed, completed];
    const { ledger } = makeLedger('failed', given, [[], [], [], [0, 1, 2]]);
    expect(requeueFor({ ledger }, 0, 1, 2)).toEqual(['task 1', 'task 2', 'task 3']);
    expect(tell(ledger)).toEqual([
      'failed → requeueing USER by mara (wrong camera)',
      'completed → queued USER of 1,3 by mara (wrong camera)',
      'failed → queued USER of 2 by mara (wrong camera)',
      'completed → queued DEPENDENCY_REQUEUED of 4 by mara (wrong camera)',
      'requeueing → queued USER by mara (wrong camera)',
    ]);
  });

  it('has them rendered anew, also where they never completed, and nothing else', () => {
    const { ledger } = makeLedger('failed', [failed, failed], independent(2));
    requeueFor({ ledger }, 1);
    expect([...ledger.tasks.values()].map(({ rendersAnew }) => rendersAnew)).toEqual([false, true]);
  });

  it('leaves queued ones as they are, and the job when there are no others', () => {
    const { ledger } = makeLedger('active', [queued, active], independent(2));
    expect(requeueFor({ ledger }, 0)).toEqual([]);
    expect(ledger.records).toEqual([]);
    expect(ledger.dirtyTasks.size).toBe(0);
  });

  it('refuses all when one is active, and writes nothing', () => {
    const { ledger } = makeLedger('active', [completed, active], independent(2));
    expect(() => requeueFor({ ledger }, 0, 1)).toThrow('Task "task 2" is active: queued does not follow active');
    expect(ledger.records).toEqual([]);
    expect(ledger.dirtyTasks.size).toBe(0);
  });
});

describe('cancelTask', () => {
  it.each([queued, softFailed, failed])('cancels a task that is $status at once', (task) => {
    const { ledger } = makeLedger('active', [task, active], independent(2));
    changeTask(ledger, ledger.task('task 1'), 'cancel', ASKER, AT);
    expect(tell(ledger)).toEqual([`${task.status} → canceled USER of 1 by mara (wrong camera)`]);
  });

  it('tells an active task to stop, which records nothing yet', () => {
    const { ledger } = makeLedger('active', [active]);
    changeTask(ledger, ledger.task('task 1'), 'stop', ASKER, AT);
    expect(ledger.records).toEqual([]);
    expect(ledger.task('task 1').stopRequestedAt).toEqual(AT);
    expect(ledger.attempts.get('task 1')).toMatchObject({ stopOrder: 'CANCELED', stopReason: 'USER' });
  });

  it('ends the job with the last task that could run, and closes what waited for it', () => {
    const { ledger } = makeLedger('active', [queued, queued]);
    changeTask(ledger, ledger.task('task 1'), 'cancel', ASKER, AT);
    expect(tell(ledger)).toEqual([
      'queued → canceled USER of 1 by mara (wrong camera)',
      'queued → canceled DEPENDENCY_UNFINISHED of 2 by gateway',
      'active → canceled FINISHED by gateway',
    ]);
  });

  it.each(['failed', 'canceled'] as const)('of a failed task leaves a %s job as it is', (status) => {
    const { ledger } = makeLedger(status, [failed, completed], independent(2));
    changeTask(ledger, ledger.task('task 1'), 'cancel', ASKER, AT);
    expect(tell(ledger)).toEqual(['failed → canceled USER of 1 by mara (wrong camera)']);
    expect(ledger.job.status).toBe(status);
  });
});

describe('setTaskStatus', () => {
  it('FAILED gives a soft-failed task up: the limit is tested, and the job ends when nothing else can run', () => {
    const { ledger } = makeLedger('active', [softFailed, queued]);
    changeTask(ledger, ledger.task('task 1'), 'give-up', ASKER, AT);
    expect(tell(ledger)).toEqual([
      'soft-failed → failed USER of 1 by mara (wrong camera)',
      'queued → canceled DEPENDENCY_UNFINISHED of 2 by gateway',
      'active → failed FINISHED by gateway (Task "task 1" was given up.)',
    ]);
    expect(ledger.job.error).toBe('Task "task 1" was given up.');
  });

  it('COMPLETED accepts a soft-failed task as done: what waited for it may run', () => {
    const { ledger } = makeLedger('active', [softFailed, queued]);
    changeTask(ledger, ledger.task('task 1'), 'accept', ASKER, AT);
    expect(tell(ledger)).toEqual(['soft-failed → completed USER of 1 by mara (wrong camera)']);
    expect(ledger.task('task 2').openDependencies).toBe(0);
    expect(ledger.job.tasksClaimable).toBe(1);
  });

  it('COMPLETED of the last task completes the job', () => {
    const { ledger } = makeLedger('active', [completed, softFailed]);
    ledger.job.error = 'Task "task 2" failed twice.';
    changeTask(ledger, ledger.task('task 2'), 'accept', ASKER, AT);
    expect(ledger.job).toMatchObject({ status: 'completed', error: null });
  });
});

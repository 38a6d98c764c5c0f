import { describe, expect, it } from 'vitest';
import {
  type AttemptEnd,
  acceptLateResult,
  claimTask,
  endAttempt,
  mayComeBack,
  resumeAttempt,
} from '../../src/domain/attempt-actions.ts';
import { ATTEMPT_OUTCOMES, type AttemptOutcome } from '../../src/domain/attempt-outcome.ts';
import { type JobLedger, type LedgerAttempt, ledgerKey } from '../../src/domain/job-ledger.ts';
import { makePlan } from '../model/plan.ts';
import { initialState, openLedger } from '../model/state.ts';

const START = new Date('2026-03-01T10:00:00Z');
const LATER = new Date('2026-03-01T10:05:00Z');
const WORKER = { id: 'w1', name: 'node-07', sessionNumber: 4 };
const OUTCOMES = Object.keys(ATTEMPT_OUTCOMES) as AttemptOutcome[];

function makeLedger(dependencies: number[][] = [[], []], maxAttempts = 3): JobLedger {
  return openLedger(initialState(makePlan('job', dependencies, maxAttempts, 100)));
}

function claim(ledger: JobLedger, task = 'task 1', worker = WORKER): LedgerAttempt {
  return claimTask(ledger, ledger.task(task), worker, { id: `id of ${task}`, token: `token of ${task}` }, START);
}

function end(ledger: JobLedger, attempt: LedgerAttempt, outcome: AttemptOutcome, more: Partial<AttemptEnd> = {}): void {
  endAttempt(ledger, attempt, { outcome, actor: 'gateway', ...more }, LATER);
  ledger.settle(LATER);
}

function tell(ledger: JobLedger): string[] {
  return ledger.records.map(
    ({ from, to, reason, actor, tasks }) =>
      `${from} → ${to} ${reason} by ${actor}${tasks[0] ? ` #${tasks[0].attemptNumber}` : ''}`,
  );
}

describe('a claim', () => {
  it('makes a queued job active and starts an attempt with a number, a worker and its session', () => {
    const ledger = makeLedger();
    const attempt = claim(ledger);
    expect(tell(ledger)).toEqual(['queued → active CLAIMED by node-07', 'queued → active CLAIMED by node-07 #1']);
    expect(attempt).toMatchObject({
      number: 1,
      workerId: 'w1',
      sessionNumber: 4,
      startedAt: START,
      endedAt: null,
      outcome: null,
    });
    expect(ledger.task('task 1')).toMatchObject({ status: 'active', attemptCount: 1, workerId: 'w1' });
    expect(ledger.job.startedAt).toEqual(START);
    expect(ledger.liveAttempt('task 1')).toBe(attempt);
    expect(ledger.newAttempts).toEqual(new Set([attempt]));
  });

  it('gives a soft-failed task out through queued, both recorded', () => {
    const ledger = makeLedger();
    end(ledger, claim(ledger), 'FAILED');
    ledger.records.length = 0;
    expect(claim(ledger).number).toBe(2);
    expect(tell(ledger)).toEqual([
      'soft-failed → queued CLAIMED by node-07 #2',
      'queued → active CLAIMED by node-07 #2',
    ]);
  });
});

describe('the end of an attempt', () => {
  it('keeps what went wrong, and says it in the record and, for good, in the job', () => {
    const ledger = makeLedger([[]], 1);
    const failure = { kind: 'NO_FRAME', message: 'Frame 7 is missing.', exitCode: 0 } as const;
    const attempt = claim(ledger);
    end(ledger, attempt, 'FAILED', { actor: 'node-07', failure });
    expect(attempt).toMatchObject({ endedAt: LATER, outcome: 'FAILED', failureKind: 'NO_FRAME', failureExitCode: 0 });
    expect(ledger.records.at(-2)).toMatchObject({ to: 'failed', actor: 'node-07', message: 'Frame 7 is missing.' });
    expect(ledger.job).toMatchObject({ status: 'failed', error: 'Task "task 1" failed once: Frame 7 is missing.' });
  });

  it('leaves no error in a job that completes after all', () => {
    const ledger = makeLedger([[], []], 1);
    end(ledger, claim(ledger), 'FAILED');
    expect(ledger.job.error).not.toBeNull();
    ledger.moveTask(ledger.task('task 1'), 'queued', { actor: 'user', reason: 'USER' });
    for (const task of ['task 1', 'task 2']) end(ledger, claim(ledger, task), 'COMPLETED');
    expect(ledger.job).toMatchObject({ status: 'completed', error: null });
  });

  it('by a stop order names who ordered it and in which words', () => {
    const ledger = makeLedger();
    const attempt = claim(ledger);
    ledger.orderStop(ledger.task('task 1'), 'CANCELED', { actor: 'mara', reason: 'USER', message: 'enough' }, START);
    end(ledger, attempt, 'STOPPED', { actor: 'node-07' });
    expect(ledger.records.at(-1)).toMatchObject({ to: 'canceled', actor: 'mara', reason: 'USER', message: 'enough' });
    expect(ledger.task('task 1').stopRequestedAt).toBeNull();
  });

  it('is one live attempt less, whatever the outcome', () => {
    for (const outcome of OUTCOMES) {
      const ledger = makeLedger();
      end(ledger, claim(ledger), outcome);
      expect([outcome, ledger.liveAttempt('task 1')]).toEqual([outcome, null]);
    }
  });

  it('reaches the limit: the rest is called off, what runs is told to stop, and the job fails with its last task', () => {
    const ledger = openLedger(initialState(makePlan('job', [[], [], []], 1, 10)));
    const first = claim(ledger);
    const second = claim(ledger, 'task 2');
    end(ledger, first, 'FAILED');
    expect(ledger.job.status).toBe('active');
    expect(ledger.task('task 3')).toMatchObject({ status: 'canceled', statusReason: 'JOB_FAILED' });
    expect(second).toMatchObject({ stopOrder: 'CANCELED', stopReason: 'JOB_FAILED', stopRequestedBy: 'gateway' });
    end(ledger, second, 'STOPPED');
    expect(ledger.task('task 2')).toMatchObject({ status: 'canceled', statusReason: 'JOB_FAILED' });
    expect(ledger.job).toMatchObject({ status: 'failed', tasksCanceledByFailure: 2 });
  });

  it('remembers who handed the task back unasked, and not who was told to', () => {
    const unasked = makeLedger();
    end(unasked, claim(unasked), 'HANDED_BACK');
    expect(unasked.failures.get(ledgerKey('w1', 'task 1'))).toMatchObject({ handedBackAt: LATER, failures: 0 });
    const asked = makeLedger();
    const attempt = claim(asked);
    asked.orderStop(asked.task('task 1'), 'RECALLED', { actor: 'gateway', reason: 'HANDED_BACK' }, START);
    end(asked, attempt, 'HANDED_BACK');
    expect(asked.failures.size).toBe(0);
  });
});

describe('an order', () => {
  const order = (ledger: JobLedger, kind: 'CANCELED' | 'RECALLED', actor: string) =>
    ledger.orderStop(ledger.task('task 1'), kind, { actor, reason: 'USER' }, START);

  // biome-ignore format: one case per line
  it.each([
    { first: 'RECALLED', second: 'CANCELED', stays: 'CANCELED', by: 'second' },
    { first: 'RECALLED', second: 'RECALLED', stays: 'RECALLED', by: 'first' },
    { first: 'CANCELED', second: 'RECALLED', stays: 'CANCELED', by: 'first' },
    { first: 'CANCELED', second: 'CANCELED', stays: 'CANCELED', by: 'first' },
  ] as const)('$first and then $second: $stays of the $by stays', ({ first, second, stays, by }) => {
    const ledger = makeLedger();
    const attempt = claim(ledger);
    expect(order(ledger, first, 'first')).toBe(true);
    attempt.stopSentAt = START;
    expect(order(ledger, second, 'second')).toBe(by === 'second');
    expect(attempt).toMatchObject({ stopOrder: stays, stopRequestedBy: by });
    // A new order has still to be sent; its 60 seconds begin then.
    expect(attempt.stopSentAt).toEqual(by === 'second' ? null : START);
  });
});

describe('a lost attempt', () => {
  /** A ledger with one attempt that was lost. */
  function lose(ledger = makeLedger()): { ledger: JobLedger; attempt: LedgerAttempt } {
    const attempt = claim(ledger);
    end(ledger, attempt, 'LOST');
    ledger.records.length = 0;
    return { ledger, attempt };
  }

  it('is resumed through queued, both recorded, and its failure is taken off the count', () => {
    const { ledger, attempt } = lose();
    resumeAttempt(ledger, attempt, { ...WORKER, sessionNumber: 5 }, LATER);
    expect(tell(ledger)).toEqual([
      'soft-failed → queued ATTEMPT_RESUMED by node-07 #1',
      'queued → active ATTEMPT_RESUMED by node-07 #1',
    ]);
    expect(ledger.task('task 1')).toMatchObject({ failedAttempts: 0, attemptCount: 1 });
    expect(ledger.failures.get(ledgerKey('w1', 'task 1'))).toMatchObject({ failures: 0, losses: 0 });
    expect(attempt).toMatchObject({ endedAt: null, outcome: null, failureKind: null, sessionNumber: 5 });
    expect(ledger.liveAttempt('task 1')).toBe(attempt);
  });

  it('may deliver the result late, and its failure is taken off the count', () => {
    const { ledger, attempt } = lose();
    acceptLateResult(ledger, attempt, WORKER, LATER);
    expect(tell(ledger)).toEqual(['soft-failed → completed LATE_RESULT by node-07 #1']);
    expect(ledger.task('task 1')).toMatchObject({ status: 'completed', failedAttempts: 0 });
    expect(attempt).toMatchObject({ outcome: 'COMPLETED', endedAt: LATER, failureKind: null });
  });

  it('whose dependency is open again completes and waits again', () => {
    const { ledger, attempt } = lose();
    ledger.task('task 1').openDependencies = 1;
    acceptLateResult(ledger, attempt, WORKER, LATER);
    expect(tell(ledger)).toEqual([
      'soft-failed → completed LATE_RESULT by node-07 #1',
      'completed → queued DEPENDENCY_REQUEUED by node-07 #1',
    ]);
  });

  it('may be lost and come back again and again', () => {
    const { ledger, attempt } = lose();
    for (let times = 0; times < 5; times++) {
      resumeAttempt(ledger, attempt, WORKER, LATER);
      end(ledger, attempt, 'LOST');
      expect(mayComeBack(attempt, ledger.task('task 1'))).toBe(true);
    }
    expect(ledger.task('task 1').failedAttempts).toBe(1);
  });

  it('may come back after no other outcome', () => {
    for (const outcome of OUTCOMES) {
      const ledger = makeLedger();
      const attempt = claim(ledger);
      end(ledger, attempt, outcome);
      expect([outcome, mayComeBack(attempt, ledger.task('task 1'))]).toEqual([outcome, outcome === 'LOST']);
    }
  });

  it.each(['CANCELED', 'RECALLED'] as const)('that was told to stop (%s) may not come back', (kind) => {
    const ledger = makeLedger();
    end(ledger, claim(ledger), 'FAILED');
    const attempt = claim(ledger);
    ledger.orderStop(ledger.task('task 1'), kind, { actor: 'mara', reason: 'USER' }, START);
    end(ledger, attempt, 'LOST');
    expect(mayComeBack(attempt, ledger.task('task 1'))).toBe(false);
  });

  it('is stale once the task was given out again, even when it is soft-failed again', () => {
    const { ledger, attempt } = lose();
    const second = claim(ledger);
    expect(mayComeBack(attempt, ledger.task('task 1'))).toBe(false);
    end(ledger, second, 'FAILED');
    expect(ledger.task('task 1').status).toBe('soft-failed');
    expect(mayComeBack(attempt, ledger.task('task 1'))).toBe(false);
  });

  it('is stale once the task failed for good with it', () => {
    const { ledger, attempt } = lose(makeLedger([[], []], 1));
    expect(ledger.task('task 1').status).toBe('failed');
    expect(mayComeBack(attempt, ledger.task('task 1'))).toBe(false);
  });

  it.each(['queued', 'completed', 'failed', 'canceled'] as const)('is stale once the task became %s', (status) => {
    const { ledger, attempt } = lose();
    ledger.moveTask(ledger.task('task 1'), status, { actor: 'mara', reason: 'USER' });
    expect(mayComeBack(attempt, ledger.task('task 1'))).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { type Cause, JobLedger } from '../../src/domain/job-ledger.ts';
import { enabledActions } from './actions.ts';
import { apply } from './model.ts';
import { planOf } from './plan.ts';
import type { Rules } from './rules.ts';
import { walk } from './walk.ts';

const plan = planOf('two frames and a video', 2, 'one');

describe('the walk notices', () => {
  it('a job that goes on when nothing of it can run', () => {
    expectFinding(withLedger(Unending), /nothing of the job can run, but it is active/);
  });

  it('a canceled job that a late result revives', () => {
    expectFinding(withLedger(Reviving), /the job became active, its records end at cancel-requested/);
  });

  it('a stop that is never ordered', () => {
    expectFinding(withLedger(Unordering), /being canceled with an active task that was not told to stop/);
  });

  it('a counter that forgets', () => {
    expectFinding(withLedger(Miscounting), /tasksClaimable is \d+, its tasks say \d+/);
  });

  it('a job that takes its completed tasks with it', () => {
    expectFinding(withLedger(OffTheTable), /the domain threw: Task .* is not in the table/);
  });

  it('a farm whose workers never again touch what failed once', () => {
    const isShunned: Rules['enabledActions'] = (state) =>
      enabledActions(state).filter(
        ({ kind, task }) => !/^(claim|resume|deliverLate)$/.test(kind) || state.tasks[task!]!.failedAttempts === 0,
      );
    expectFinding({ enabledActions: isShunned, apply }, /workers alone cannot end the job/);
  });

  it('and shows the shortest way there', () => {
    const [finding] = walk(plan, withLedger(Unending)).findings;
    expect(finding?.split('\n')).toEqual([
      'two frames and a video, 2 attempts, limit one: nothing of the job can run, but it is active',
      '  job queued; tasks queued, queued, queued',
      '  cancelTask 1  ⇒  job queued; tasks canceled [USER], queued, queued',
      '  claim 2  ⇒  job active; tasks canceled [USER], active, queued',
      '  complete 2  ⇒  job active; tasks canceled [USER], completed, queued',
    ]);
  });
});

class Unending extends JobLedger {
  override settle(...args: Parameters<JobLedger['settle']>): void {
    if (this.job.status !== 'active') super.settle(...args);
  }
}

class Reviving extends JobLedger {
  override moveTask(...args: Parameters<JobLedger['moveTask']>): void {
    super.moveTask(...args);
    if (args[1] === 'completed' && this.job.status === 'cancel-requested') this.job.status = 'active';
  }
}

class Unordering extends JobLedger {
  override orderStop(): boolean {
    return false;
  }
}

class Miscounting extends JobLedger {
  override moveTask(...args: Parameters<JobLedger['moveTask']>): void {
    super.moveTask(...args);
    if (args[1] === 'soft-failed') this.job.tasksClaimable += 1;
  }
}

class OffTheTable extends JobLedger {
  override closeOpenTasks(cause: Cause): void {
    for (const task of this.tasks.values()) if (task.status !== 'active') this.moveTask(task, 'canceled', cause);
  }
}

function withLedger(Ledger: typeof JobLedger): Rules {
  return { enabledActions, apply: (state, action) => apply(state, action, Ledger) };
}

function expectFinding(rules: Rules, what: RegExp): void {
  const { findings } = walk(plan, rules);
  expect(findings.join('\n')).toMatch(what);
  expect(findings[0]).toContain('job queued; tasks queued, queued, queued');
}

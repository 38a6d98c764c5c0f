import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobLedger, type LedgerTask, weighTask } from '../../src/domain/job-ledger.ts';
import { type Action, enabledActions, enabledBatches, isWorkerEvent } from '../model/actions.ts';
import { findBrokenRule } from '../model/check-step.ts';
import { findWrongCount } from '../model/count-tasks.ts';
import { apply, perform } from '../model/model.ts';
import { makePlan, type Plan, taskId } from '../model/plan.ts';
import { initialState, loadAllTasks, NOW, openLedger, readState, type State } from '../model/state.ts';

const CAUSE = { actor: 'mara', reason: 'USER' } as const;

/** A job of up to six tasks, each of which depends on any of those before it. */
const anyPlan: fc.Arbitrary<Plan> = fc
  .record({
    edges: fc.array(fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }), { minLength: 1, maxLength: 6 }),
    maxAttempts: fc.integer({ min: 1, max: 3 }),
    limit: fc.constantFrom(1, 10, 34, 50, 100),
  })
  .map(({ edges, maxAttempts, limit }) => {
    const dependencies = edges.map((row, task) => row.slice(0, task).flatMap((has, id) => (has ? [id] : [])));
    return makePlan('any job', dependencies, maxAttempts, limit);
  });

/** Which of the possible actions is taken, step by step. */
const anyChoices = fc.array(fc.nat(), { maxLength: 40 });

function choose<T>(items: readonly T[], choice: number): T | undefined {
  return items[choice % Math.max(1, items.length)];
}

function wander(plan: Plan, choices: readonly number[]): State {
  let state = initialState(plan);
  for (const choice of choices) {
    const action = choose(enabledActions(state), choice);
    if (action) state = apply(state, action).state;
  }
  return state;
}

function makeLedger(tasks: number): JobLedger {
  const none = Array.from({ length: tasks }, () => []);
  const { job } = openLedger(initialState(makePlan('job', none, 3, 100)));
  const ledger = new JobLedger({ ...job, tasksTotal: tasks, tasksQueued: tasks, tasksClaimable: tasks }, true);
  const { tasks: one } = openLedger(initialState(makePlan('job', [[]], 3, 100)));
  const [task] = one.values();
  for (let index = 0; index < tasks; index++) {
    const id = `task ${index + 1}`;
    ledger.addTask({ ...task!, id, name: id, index });
  }
  return ledger;
}

describe('the records of a transaction', () => {
  it('tell the same change of many tasks in one record that takes a number for each', () => {
    const ledger = makeLedger(1_000);
    const { sequence } = ledger.job;
    ledger.closeOpenTasks(CAUSE);
    expect(ledger.records).toHaveLength(1);
    expect(ledger.records[0]).toMatchObject({ from: 'queued', to: 'canceled', firstSequence: sequence + 1 });
    expect(ledger.records[0]?.tasks).toHaveLength(1_000);
    expect(ledger.job.sequence).toBe(sequence + 1_000);
  });

  it('keep apart what differs in status, reason, actor or words, and what something else stands between', () => {
    const ledger = makeLedger(6);
    const task = (index: number) => ledger.task(taskId(index));
    ledger.moveTask(task(0), 'canceled', CAUSE);
    ledger.moveTask(task(1), 'active', CAUSE);
    ledger.moveTask(task(2), 'canceled', CAUSE);
    ledger.moveTask(task(3), 'canceled', { ...CAUSE, actor: 'otto' });
    ledger.moveTask(task(4), 'canceled', { ...CAUSE, actor: 'otto', message: 'because' });
    ledger.moveTask(task(5), 'canceled', { actor: 'otto', reason: 'JOB_CANCELED', message: 'because' });
    expect(ledger.records.map(({ tasks }) => tasks.length)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('end with the deletion, numbered like any other change', () => {
    const ledger = makeLedger(1);
    const { sequence } = ledger.job;
    ledger.deleteJob(CAUSE);
    expect(ledger.isDeleted).toBe(true);
    expect(ledger.records).toMatchObject([{ kind: 'deletion', from: null, to: null, firstSequence: sequence + 1 }]);
  });
});

describe('a change outside the tables', () => {
  it('of a task is an error, and changes nothing', () => {
    const ledger = makeLedger(1);
    const before = structuredClone(ledger.task('task 1'));
    expect(() => ledger.moveTask(ledger.task('task 1'), 'completed', CAUSE)).toThrow(
      'queued → completed is not in the table',
    );
    expect(ledger.task('task 1')).toEqual(before);
    expect(ledger.records).toEqual([]);
  });

  it('of a job is an error, and changes nothing', () => {
    const ledger = makeLedger(1);
    expect(() => ledger.moveJob('completed', CAUSE, NOW)).toThrow('queued → completed is not in the table');
    expect(ledger.job.status).toBe('queued');
    expect(ledger.records).toEqual([]);
  });
});

describe('the failure limit', () => {
  const FAILED = { actor: 'gateway', reason: 'FAILED_ATTEMPT' } as const;

  /** The first task fails for good while the others wait, in a job whose limit one failure reaches. */
  function failFirst(dependencies: number[][]): JobLedger {
    const ledger = openLedger(initialState(makePlan('job', dependencies, 1, 10)));
    ledger.moveJob('active', CAUSE, NOW);
    ledger.moveTask(ledger.task('task 1'), 'active', CAUSE);
    ledger.moveTask(ledger.task('task 1'), 'failed', FAILED);
    ledger.settle(NOW);
    return ledger;
  }

  it('calls off what could still run, and what waits for that', () => {
    const { job, tasks } = failFirst([[], [], [1]]);
    expect([...tasks.values()].map(({ statusReason }) => statusReason)).toEqual([
      'FAILED_ATTEMPT',
      'JOB_FAILED',
      'JOB_FAILED',
    ]);
    expect(job.status).toBe('failed');
  });

  it('has nothing to call off when nothing else could run: what waited is closed as unfinished', () => {
    const { job, tasks } = failFirst([[], [0], [1]]);
    expect([...tasks.values()].map(({ statusReason }) => statusReason).slice(1)).toEqual([
      'DEPENDENCY_UNFINISHED',
      'DEPENDENCY_UNFINISHED',
    ]);
    expect(job.status).toBe('failed');
  });

  it('is tested only when a task becomes failed: what is put back afterwards may run', () => {
    const ledger = failFirst([[], []]);
    ledger.moveJob('requeueing', CAUSE, NOW);
    ledger.moveTask(ledger.task('task 2'), 'queued', CAUSE);
    ledger.moveJob('queued', CAUSE, NOW);
    ledger.moveJob('active', CAUSE, NOW);
    ledger.settle(NOW);
    expect(ledger.task('task 2').status).toBe('queued');
  });
});

describe('whatever happens to a job of any shape', () => {
  it('keeps to the tables, breaks no invariant, and leaves counters and sequence right after every step', () => {
    fc.assert(
      fc.property(anyPlan, anyChoices, (plan, choices) => {
        let state = initialState(plan);
        for (const choice of choices) {
          const action = choose([...enabledActions(state), ...enabledBatches(state)], choice);
          if (!action) break;
          const step = apply(state, action);
          expect([action, findBrokenRule(state, action, step)]).toEqual([action, null]);
          state = step.state;
        }
      }),
      { numRuns: 300 },
    );
  });

  it('leaves the counters of one long-lived ledger equal to a recount, progress included', () => {
    const anyProgress = fc.array(fc.record({ task: fc.nat(5), fraction: fc.double({ min: -1, max: 2, noNaN: true }) }));
    fc.assert(
      fc.property(anyPlan, anyChoices, anyProgress, fc.array(fc.nat(50)), (plan, choices, progress, frames) => {
        const ledger = openLedger(initialState(plan));
        giveFrames(ledger, frames);
        const { sequence } = ledger.job;
        choices.forEach((choice, step) => {
          const action = choose(enabledActions(readState(plan, ledger)).filter(isWorkerEvent), choice);
          if (!action) return;
          perform(ledger, action);
          ledger.settle(NOW);
          const report = progress[step];
          const reported = report && ledger.tasks.get(taskId(report.task));
          if (reported?.status === 'active') ledger.setProgress(reported, report!.fraction);
          expect(findWrongCount(ledger.job, ledger.tasks.values())).toBeNull();
        });
        const changes = ledger.records.map(({ tasks }) => Math.max(1, tasks.length));
        const firsts = ledger.records.map(({ firstSequence }) => firstSequence);
        expect(firsts).toEqual(changes.map((_, n) => sequence + 1 + changes.slice(0, n).reduce((a, b) => a + b, 0)));
        expect(ledger.job.sequence).toBe(sequence + changes.reduce((a, b) => a + b, 0));
      }),
      { numRuns: 300 },
    );
  });
});

describe('progress', () => {
  it('counts each frame of a task exactly, whatever fraction it comes in', () => {
    const ledger = makeLedger(1);
    for (let frames = 1; frames <= 250; frames++) {
      giveFrames(ledger, [frames]);
      for (let done = 0; done <= frames; done++) {
        ledger.setProgress(ledger.task('task 1'), done / frames);
        if (ledger.job.framesDone !== done)
          expect.fail(`${done} of ${frames} frames are counted as ${ledger.job.framesDone}`);
      }
    }
  });

  it('takes what lies outside 0 to 1 as the nearer end', () => {
    const ledger = makeLedger(1);
    giveFrames(ledger, [10]);
    ledger.setProgress(ledger.task('task 1'), 7);
    expect(ledger.job).toMatchObject({ framesDone: 10, workDone: 10 });
    ledger.setProgress(ledger.task('task 1'), -3);
    expect(ledger.job).toMatchObject({ framesDone: 0, workDone: 0 });
  });

  it('adds up to exactly all, whatever was reported on the way', () => {
    const anyReports = fc.array(fc.record({ task: fc.nat(7), fraction: fc.double({ min: 0, max: 1, noNaN: true }) }));
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { minLength: 8, maxLength: 8 }), anyReports, (frames, reports) => {
        const ledger = makeLedger(8);
        giveFrames(ledger, frames);
        const tasks = [...ledger.tasks.values()];
        for (const task of tasks) ledger.moveTask(task, 'active', CAUSE);
        for (const { task, fraction } of reports) ledger.setProgress(tasks[task]!, fraction);
        expect(findWrongCount(ledger.job, tasks)).toBeNull();
        for (const task of tasks) ledger.moveTask(task, 'completed', CAUSE);
        expect(ledger.job.workDone).toBe(ledger.job.workTotal);
        expect(ledger.job.framesDone).toBe(ledger.job.framesTotal);
        for (const task of tasks) ledger.moveTask(task, 'queued', CAUSE);
        expect([ledger.job.workDone, ledger.job.framesDone]).toEqual([0, 0]);
      }),
    );
  });
});

describe('a ledger that holds only some of the tasks', () => {
  it('gives the same as one that holds all, when the rest is loaded as it asks', () => {
    const asked = { yes: 0, no: 0 };
    fc.assert(
      fc.property(anyPlan, anyChoices, fc.nat(), (plan, choices, last) => {
        const state = wander(plan, choices);
        const events = [...enabledActions(state), ...enabledBatches(state)].filter(isReport);
        const action = choose(events, last);
        if (!action) return;
        const [whole, wholeAsks] = run(openLedger(state), state, action);
        expect(wholeAsks).toBe(false);
        const [partial, asks] = run(openLedger(state, { held: concernedBy(action, plan) }), state, action);
        asked[asks ? 'yes' : 'no'] += 1;
        expect(partial.job).toEqual(whole.job);
        expect(partial.records).toEqual(whole.records);
        const untouched = openLedger(state).tasks;
        for (const [id, task] of whole.tasks) expect(partial.tasks.get(id) ?? untouched.get(id)).toEqual(task);
        expect(attemptsOf(partial)).toEqual(attemptsOf(whole));
      }),
      { numRuns: 2_000 },
    );
    // Both happen, or this would prove nothing.
    expect(asked.yes).toBeGreaterThan(0);
    expect(asked.no).toBeGreaterThan(0);
  });

  /** What a worker reports of one task or two. */
  function isReport({ kind, task }: Action): boolean {
    return task !== null && isWorkerEvent({ kind, task });
  }

  /** What the gateway reads for such reports: their tasks, and those that wait for them. */
  function concernedBy({ task, together }: Action, plan: Plan): Set<number> {
    const dependents = plan.dependencies.flatMap((of, index) => (of.includes(task!) ? [index] : []));
    return new Set([task!, ...dependents, ...(together ? concernedBy(together, plan) : [])]);
  }

  /** The ledger after the action, and whether it asked for the other tasks. */
  function run(ledger: JobLedger, state: State, action: Action): [JobLedger, boolean] {
    perform(ledger, action);
    if (action.together) perform(ledger, action.together);
    const asks = ledger.needsAllTasks();
    if (asks) loadAllTasks(ledger, state);
    ledger.settle(NOW);
    return [ledger, asks];
  }

  /** What was written to attempts. */
  function attemptsOf(ledger: JobLedger) {
    return [...ledger.newAttempts, ...ledger.dirtyAttempts].sort((a, b) => (a.taskId < b.taskId ? -1 : 1));
  }
});

/** Gives the tasks so many frames, nothing of them done yet. */
function giveFrames(ledger: JobLedger, frames: readonly number[]): void {
  const tasks = [...ledger.tasks.values()];
  tasks.forEach((task: LedgerTask, index) => {
    Object.assign(task, { frameCount: frames[index] ?? 1, framesDone: 0, progress: 0 });
  });
  const total = (of: (task: LedgerTask) => number) => tasks.reduce((sum, task) => sum + of(task), 0);
  Object.assign(ledger.job, {
    framesTotal: total(({ frameCount }) => frameCount),
    framesDone: 0,
    workTotal: total(weighTask),
    workDone: 0,
  });
}

import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { DependencyUnfinishedError, UserError } from '../../src/domain/errors.ts';
import { judgeJobRequest } from '../../src/domain/job-requests.ts';
import { JOB_STATUS_NAMES } from '../../src/domain/job-status.ts';
import type { AttemptReport } from '../../src/domain/session-sync.ts';
import { deleteWorker } from '../../src/store/delete-worker.ts';
import { endLeases, endTimedOutAttempts, endUnconfirmedStops } from '../../src/store/end-overdue-attempts.ts';
import { requestWorkerStatus } from '../../src/store/request-worker-status.ts';
import { setJobStatus } from '../../src/store/set-job-status.ts';
import { setTaskStatus } from '../../src/store/set-task-status.ts';
import type { Store } from '../../src/store/store.ts';
import type { SyncCall, SyncResult } from '../../src/store/sync-call.ts';
import { syncWorkers } from '../../src/store/sync-workers.ts';
import { type Action, type ActionKind, describeAction, enabledBatches } from '../model/actions.ts';
import { describeState } from '../model/describe.ts';
import { apply, enabledActions, type State } from '../model/model.ts';
import type { Plan } from '../model/plan.ts';
import { initialState } from '../model/state.ts';
import type { TestClock } from './clock.ts';
import { findRowFaults } from './expect-consistent.ts';
import { readHistory } from './history.ts';
import { readStoredState } from './stored-state.ts';
import { type StoredJob, StoreWorker, submitShape } from './test-store.ts';

const USER = { actor: 'user' };
/** Longer than any avoidance, back-off or block. */
const AN_HOUR = 3601;
/** Since when the gateway is up. */
const LONG_AGO = new Date(0);
const COMPLETED = { completed: { outputs: [] } };
const FAILED = { failed: { kind: 'OTHER' as const, message: 'It broke.' } };

/** What a worker is heard to say for an action of the model. */
const EVENTS: Partial<Record<ActionKind, AttemptReport['event']>> = {
  complete: COMPLETED,
  deliverLate: COMPLETED,
  fail: FAILED,
  timeOut: { failed: { kind: 'TIMED_OUT', message: 'It hung.' } },
  stop: { stopped: { handedBack: false } },
  handBack: { stopped: { handedBack: true } },
  resume: { progress: { fraction: 0.5 } },
};
/** The more often an action is taken, the deeper a walk comes. */
const WEIGHTS: Partial<Record<ActionKind, number>> = {
  claim: 4,
  complete: 3,
  fail: 2,
  lose: 2,
  requeueJob: 3,
  cancelJob: 0.5,
  resume: 2,
};

interface WalkedJob {
  readonly stored: StoredJob;
  state: State;
}
/** The newest attempt of a task, as its worker knows it. */
interface HeldAttempt {
  readonly job: WalkedJob;
  readonly task: number;
  readonly token: string;
  worker: StoreWorker;
}

/**
 * Some jobs and workers on a real database, on which random things happen, and the same jobs in the model. After each
 * step both must say the same: the statuses, the reasons, the counts, and what was recorded.
 */
export class FarmWalk {
  readonly lines: string[] = [];
  steps = 0;
  private readonly store: Store;
  private readonly clock: TestClock;
  private readonly random: () => number;
  private readonly jobs: WalkedJob[] = [];
  private workers: StoreWorker[] = [];
  private attempts: HeldAttempt[] = [];
  /** Of attempts that are over: what is said of them is old news. */
  private readonly sent: { worker: StoreWorker; report: AttemptReport }[] = [];

  constructor(store: Store, clock: TestClock, random: () => number) {
    this.store = store;
    this.clock = clock;
    this.random = random;
  }

  async begin(plans: readonly Plan[], workers: number): Promise<void> {
    for (const plan of plans) {
      const stored = await submitShape(this.store, plan.dependencies, {
        maxAttempts: plan.maxAttempts,
        failureLimitPercent: plan.failureLimitPercent,
      });
      this.jobs.push({ stored, state: initialState(plan) });
      this.lines.push(plan.name);
    }
    for (let i = 0; i < workers; i += 1) this.workers.push(await StoreWorker.signOn(this.store));
  }

  get jobIds(): string[] {
    return this.jobs.map(({ stored }) => stored.id);
  }

  /** Takes one random step and compares; false when nothing could be done. */
  async step(): Promise<boolean> {
    if (this.random() < 0.1) return await this.stepInVain();
    const choices = this.jobs.flatMap((job) => this.choicesOf(job));
    const sums: number[] = [];
    for (const { weight } of choices) sums.push((sums.at(-1) ?? 0) + weight);
    const drawn = this.random() * (sums.at(-1) ?? 0);
    const choice = choices[sums.findIndex((sum) => drawn < sum)];
    if (!choice) return false;
    await this.take(choice.job, choice.action);
    return true;
  }

  /** Lets workers alone do what is left, and sees that every job ends. */
  async finish(): Promise<void> {
    const isOver = () => this.jobs.every(({ state }) => /^(completed|failed|canceled)$/.test(state.job.status));
    for (let i = 0; !isOver(); i += 1) {
      if (i === 100) throw this.fault('workers alone do not end the jobs');
      const live = this.attempts.find((attempt) => this.isLive(attempt));
      if (live)
        await this.take(live.job, {
          kind: this.taskOf(live).stop?.order === 'CANCELED' ? 'stop' : 'complete',
          task: live.task,
        });
      else await this.take(this.jobs[0]!, { kind: 'claim', task: null });
    }
  }

  private choicesOf(job: WalkedJob): { job: WalkedJob; action: Action; weight: number }[] {
    const actions = enabledActions(job.state).filter((action) => this.isPossible(job, action));
    const pairs = enabledBatches(job.state).filter((pair) => this.isPossiblePair(job, pair));
    return [
      ...actions.map((action) => ({ job, action, weight: WEIGHTS[action.kind] ?? 1 })),
      ...pairs.map((action) => ({ job, action, weight: 1 / pairs.length })),
    ];
  }

  private isPossible(job: WalkedJob, { kind, task }: Action): boolean {
    if (kind === 'claim') return this.workers.some((worker) => !this.liveOf(worker));
    if (kind === 'deleteWorker') return task !== null;
    // Whoever executes something else does not go on with what was lost.
    if (kind === 'resume') return !this.liveOf(this.attemptOf(job, task!).worker);
    return true;
  }

  private isPossiblePair(job: WalkedJob, { together, ...first }: Action): boolean {
    const pair = [first, together!].map(({ kind, task }) => ({ kind, attempt: this.attemptOf(job, task!) }));
    if (pair.some(({ kind, attempt }) => kind === 'lose' || (kind === 'resume' && this.liveOf(attempt.worker))))
      return false;
    return pair[0]!.attempt.worker !== pair[1]!.attempt.worker;
  }

  private async take(job: WalkedJob, action: Action): Promise<void> {
    this.steps += 1;
    const number = this.jobs.indexOf(job) + 1;
    this.lines.push(`job ${number}: ${action.kind === 'claim' ? 'claim' : describeAction(action)}`);
    const applied = await this.perform(job, action);
    await this.compare(applied);
  }

  /** Does it to the real thing, and gives what the model has to be told. */
  private async perform(job: WalkedJob, action: Action): Promise<[WalkedJob, Action][]> {
    const { kind, task, together } = action;
    const taskId = task === null ? '' : job.stored.tasks[task]!;
    switch (kind) {
      case 'cancelJob':
      case 'requeueJob':
        await setJobStatus(this.store, job.stored.id, { request: kind === 'cancelJob' ? 'cancel' : 'requeue' }, USER);
        break;
      case 'cancelTask':
        await setTaskStatus(this.store, taskId, 'canceled', USER);
        break;
      case 'requeueTask':
        await setTaskStatus(this.store, taskId, 'queued', USER).catch((error) => {
          if (!(error instanceof DependencyUnfinishedError) || !apply(job.state, action).refusal) throw error;
        });
        break;
      case 'giveUpTask':
        await setTaskStatus(this.store, taskId, 'failed', USER);
        break;
      case 'acceptTask':
        await setTaskStatus(this.store, taskId, 'completed', USER);
        break;
      case 'sleepWorker': {
        const { worker } = this.attemptOf(job, task!);
        await requestWorkerStatus(this.store, worker.id, 'ASLEEP', 'NOW');
        await requestWorkerStatus(this.store, worker.id, 'AWAKE', 'NOW');
        break;
      }
      case 'claim':
        return await this.claim();
      case 'wait':
        this.clock.advance(600);
        return this.jobs.map((each) => [each, action]);
      case 'lose':
        return await this.lose(job, action);
      case 'deleteWorker':
        return await this.remove(this.attemptOf(job, task!).worker);
      case 'leaveUnconfirmed':
        return await this.leaveUnconfirmed(this.attemptOf(job, task!));
      default:
        if (kind === 'timeOut' && !this.taskOf(this.attemptOf(job, task!)).stop && this.random() < 0.5)
          await this.hang(this.attemptOf(job, task!));
        else if (kind === 'stop' && this.random() < 0.5) await this.sync([this.attemptOf(job, task!).worker.call()]);
        else
          await this.report(
            [action, ...(together ? [together] : [])].map((each) => [this.attemptOf(job, each.task!), each.kind]),
          );
    }
    return [[job, action]];
  }

  /** An idle worker asks for work; at the latest an hour later it gets some. Which task, the gateway says. */
  private async claim(): Promise<[WalkedJob, Action][]> {
    const idle = this.workers.filter((worker) => !this.liveOf(worker));
    const worker = idle[Math.floor(this.random() * idle.length)]!;
    let given = await worker.sync({ freeSlots: 1 });
    if (given.assignments.length === 0) {
      this.clock.advance(AN_HOUR);
      given = await worker.sync({ freeSlots: 1 });
    }
    const [assignment] = given.assignments;
    if (!assignment) throw this.fault('a worker got nothing, and something can be claimed');
    const job = this.jobs.find(({ stored }) => stored.tasks.includes(assignment.taskId))!;
    const task = job.stored.tasks.indexOf(assignment.taskId);
    this.attempts = this.attempts.filter((attempt) => attempt.job !== job || attempt.task !== task);
    this.attempts.push({ job, task, token: assignment.token, worker });
    const { status, openDependencies } = job.state.tasks[task]!;
    if (!/^(queued|soft-failed)$/.test(status) || openDependencies > 0)
      throw this.fault(`task ${task + 1} was given out, and it is ${status}`);
    return [[job, { kind: 'claim', task }]];
  }

  /** Silent until its lease ends while the others are heard, or it signs on anew; without a task: all are silent. */
  private async lose(job: WalkedJob, action: Action): Promise<[WalkedJob, Action][]> {
    if (action.task !== null) {
      const { worker } = this.attemptOf(job, action.task);
      if (this.random() < 0.5) await worker.signOn();
      else {
        this.clock.advance(60);
        for (const other of this.workers)
          if (other !== worker) await this.sync([other.call({ running: this.runningOf(other) })]);
        await endLeases(this.store, LONG_AGO);
      }
      return [[job, action]];
    }
    const running = this.jobs.filter(({ state }) => state.tasks.some(({ status }) => status === 'active'));
    this.clock.advance(60);
    await endLeases(this.store, LONG_AGO);
    return running.map((each) => [each, action]);
  }

  private async remove(worker: StoreWorker): Promise<[WalkedJob, Action][]> {
    await deleteWorker(this.store, worker.id);
    this.workers = this.workers.filter((other) => other !== worker);
    this.workers.push(await StoreWorker.signOn(this.store));
    const concerned = this.attempts.filter(
      (attempt) => attempt.worker === worker && (this.isLive(attempt) || this.taskOf(attempt).mayComeBack),
    );
    return concerned.map(({ job, task }) => [job, { kind: 'deleteWorker', task }]);
  }

  /** The order is carried to the worker, and a minute passes; other orders may be as old. */
  private async leaveUnconfirmed({ worker }: HeldAttempt): Promise<[WalkedJob, Action][]> {
    await this.sync([worker.call({ running: this.runningOf(worker) })]);
    this.clock.advance(60);
    const { rows } = await this.store.pool.query<{ token: string }>(
      'SELECT token FROM attempt WHERE ended_at IS NULL AND stop_sent_at IS NOT NULL',
    );
    await endUnconfirmedStops(this.store, LONG_AGO);
    const tokens = rows.map(({ token }) => token);
    return this.attempts
      .filter(({ token }) => tokens.includes(token))
      .sort((a, b) => a.task - b.task)
      .map(({ job, task }) => [job, { kind: 'leaveUnconfirmed', task }]);
  }

  /** An hour without a word of this attempt, while the others go on. */
  private async hang(hung: HeldAttempt): Promise<void> {
    this.clock.advance(3600);
    for (const attempt of this.attempts)
      if (attempt !== hung && this.isLive(attempt))
        await this.sync([
          attempt.worker.reporting(attempt.token, { progress: { fraction: 0.5 } }, { running: [attempt.token] }),
        ]);
    await endTimedOutAttempts(this.store, LONG_AGO);
  }

  /** All in one transaction. */
  private async report(reports: readonly (readonly [HeldAttempt, ActionKind])[]): Promise<void> {
    const calls = reports.map(([attempt, kind]) => {
      const running = this.runningOf(attempt.worker).filter((token) => token !== attempt.token);
      // An attempt that was lost is taken up again by a progress report, or by the bare word that it is running.
      if (kind === 'resume' && this.random() < 0.5)
        return attempt.worker.call({ running: [...running, attempt.token] });
      const call = attempt.worker.reporting(attempt.token, EVENTS[kind]!, {
        running: kind === 'resume' ? [attempt.token] : running,
      });
      this.sent.push({ worker: attempt.worker, report: call.reports[0]! });
      return call;
    });
    for (const result of await this.sync(calls))
      if ('ended' in result || result.reports.includes(false)) throw this.fault('a report was not taken');
  }

  private async sync(calls: readonly SyncCall[]): Promise<SyncResult[]> {
    return await syncWorkers(this.store, calls);
  }

  /** Something that must not change anything: old reports, and requests that are refused. */
  private async stepInVain(): Promise<boolean> {
    const job = this.jobs[Math.floor(this.random() * this.jobs.length)]!;
    const old = this.sent[Math.floor(this.random() * this.sent.length)];
    if (old && this.random() < 0.7) {
      if (!this.workers.includes(old.worker)) return false;
      const isRepeated = this.random() < 0.5;
      const held = this.attempts.find(({ token }) => token === old.report.attemptToken);
      if (!isRepeated && held && (this.isLive(held) || this.taskOf(held).mayComeBack)) return false;
      const call = isRepeated
        ? old.worker.call({ reports: [old.report] })
        : old.worker.reporting(old.report.attemptToken, this.random() < 0.5 ? COMPLETED : FAILED);
      this.lines.push(isRepeated ? 'an old report again' : 'a report of an attempt that is over');
      const [result] = await this.sync([{ ...call, running: this.runningOf(old.worker) }]);
      expect(result && 'reports' in result && result.reports).toEqual([isRepeated]);
    } else {
      const refused = JOB_STATUS_NAMES.filter((to) => 'refusal' in judgeJobRequest(job.state.job.status, to));
      const to = refused[Math.floor(this.random() * refused.length)]!;
      this.lines.push(`a refused request: ${to}`);
      await expect(setJobStatus(this.store, job.stored.id, to, USER)).rejects.toThrow(UserError);
    }
    this.steps += 1;
    await this.compare([]);
    return true;
  }

  /** Tells the model, and holds what is stored against it. */
  private async compare(applied: readonly [WalkedJob, Action][]): Promise<void> {
    const before = new Map(this.jobs.map((job) => [job, job.state.job.sequence]));
    const expected = new Map<WalkedJob, string[]>(this.jobs.map((job) => [job, []]));
    for (const [job, action] of applied) {
      const { state, records } = apply(job.state, action);
      job.state = state;
      for (const { kind, from, to, reason, tasks } of records)
        for (const { name, attemptNumber } of kind === 'task' ? tasks : [{ name: kind, attemptNumber: 0 }])
          expected.get(job)!.push(`${name} ${from} → ${to} ${reason} ${attemptNumber}`);
    }
    for (const job of this.jobs) {
      this.lines.push(`  ${describeState(job.state)}`);
      const stored = await readStoredState(this.store.pool, job.stored.id);
      const since = before.get(job)!;
      // Where the sequence stands still nothing was recorded; the replay at the end counts once more.
      const history = stored.job.sequence === since ? [] : await readHistory(this.store.pool, job.stored.id, since);
      const recorded = history.map(
        ({ what, from, to, reason, attemptNumber }) => `${what} ${from} → ${to} ${reason} ${attemptNumber}`,
      );
      const { job: status, tasks } = job.state;
      this.expectSame('recorded', recorded, expected.get(job));
      this.expectSame('stored', stored, { job: status, tasks: tasks.map(({ backsOff, ...task }) => task) });
    }
    const faults = await findRowFaults(this.store.pool);
    if (faults.length > 0) throw this.fault(faults.join('\n'));
  }

  private expectSame(what: string, real: unknown, model: unknown): void {
    if (isDeepStrictEqual(real, model)) return;
    throw this.fault(`${what} is\n${JSON.stringify(real)}\nand by the model\n${JSON.stringify(model)}`);
  }

  private attemptOf(job: WalkedJob, task: number): HeldAttempt {
    return this.attempts.find((attempt) => attempt.job === job && attempt.task === task)!;
  }

  private taskOf({ job, task }: HeldAttempt): State['tasks'][number] {
    return job.state.tasks[task]!;
  }

  private isLive(attempt: HeldAttempt): boolean {
    return this.taskOf(attempt).status === 'active';
  }

  private liveOf(worker: StoreWorker): HeldAttempt | undefined {
    return this.attempts.find((attempt) => attempt.worker === worker && this.isLive(attempt));
  }

  private runningOf(worker: StoreWorker): string[] {
    const live = this.liveOf(worker);
    return live ? [live.token] : [];
  }

  private fault(what: string): Error {
    return new Error(`${what}\n\nThe way there:\n${this.lines.join('\n')}`);
  }
}

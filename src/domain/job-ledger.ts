import type { AttemptOutcome, FailureKind, StopOrder } from './attempt-outcome.ts';
import { foldJob, isFailureLimitReached, type TaskTally } from './job-fold.ts';
import { isFinishedJob, isRecordableJobChange, type JobStatus } from './job-status.ts';
import type { Needs } from './needs.ts';
import type { StatusReason } from './status-reason.ts';
import { isOpenTask, isTaskTransition, type TaskStatus } from './task-status.ts';

/** A job's row as far as its status depends on it. The names are the columns'. */
export interface LedgerJob {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly submitter: string;
  readonly priority: number;
  readonly maxWorkers: number | null;
  readonly workerTag: string | null;
  readonly needs: Needs;
  readonly maxAttempts: number;
  readonly failureLimitPercent: number;
  readonly createdAt: Date;
  status: JobStatus;
  statusReason: StatusReason;
  error: string | null;
  sequence: number;
  tasksTotal: number;
  tasksQueued: number;
  tasksActive: number;
  tasksCompleted: number;
  tasksSoftFailed: number;
  tasksFailed: number;
  tasksCanceled: number;
  tasksCanceledByFailure: number;
  tasksClaimable: number;
  framesTotal: number;
  framesDone: number;
  workTotal: number;
  workDone: number;
  recentFrameSeconds: number[];
  latestOutputId: string | null;
  startedAt: Date | null;
  finishedAt: Date | null;
}

export interface LedgerTask {
  readonly id: string;
  readonly index: number;
  readonly name: string;
  readonly type: string;
  readonly frameCount: number;
  status: TaskStatus;
  statusReason: StatusReason;
  framesDone: number;
  openDependencies: number;
  failedAttempts: number;
  lastFailedAt: Date | null;
  attemptCount: number;
  progress: number;
  activity: string | null;
  stopRequestedAt: Date | null;
  rendersAnew: boolean;
  workerId: string | null;
}

export interface LedgerAttempt {
  readonly id: string;
  readonly taskId: string;
  readonly number: number;
  readonly workerId: string;
  readonly token: string;
  readonly startedAt: Date;
  sessionNumber: number;
  lastOutputAt: Date;
  endedAt: Date | null;
  outcome: AttemptOutcome | null;
  failureKind: FailureKind | null;
  failureMessage: string | null;
  failureExitCode: number | null;
  reportSequence: number;
  stopOrder: StopOrder | null;
  stopReason: StatusReason | null;
  stopRequestedBy: string | null;
  stopComment: string | null;
  stopSentAt: Date | null;
}

/** What a worker did to a task that makes it avoid the task for a while. */
export interface LedgerFailure {
  readonly taskId: string;
  readonly workerId: string;
  readonly taskType: string;
  failures: number;
  losses: number;
  failedAt: Date | null;
  handedBackAt: Date | null;
}

export interface LedgerBlock {
  readonly workerId: string;
  readonly taskType: string;
  until: Date;
}

/** Who or what changes a status, why, and with which words. */
export interface Cause {
  readonly actor: string;
  readonly reason: StatusReason;
  readonly message?: string | null;
}

/** One recorded change. Tasks that make the same change one after the other share a record. */
export interface StatusRecord {
  readonly kind: 'job' | 'task' | 'deletion';
  readonly from: JobStatus | TaskStatus | null;
  readonly to: JobStatus | TaskStatus | null;
  readonly actor: string;
  readonly reason: StatusReason;
  readonly message: string | null;
  readonly firstSequence: number;
  readonly tasks: { readonly id: string; readonly name: string; readonly attemptNumber: number }[];
}

// biome-ignore format: one status per line
const TASK_COUNTERS = {
  'queued':      'tasksQueued',
  'active':      'tasksActive',
  'completed':   'tasksCompleted',
  'soft-failed': 'tasksSoftFailed',
  'failed':      'tasksFailed',
  'canceled':    'tasksCanceled',
} as const satisfies Partial<Record<TaskStatus, keyof LedgerJob>>;

/** Sums of such fractions are exact, so that a job's progress neither drifts nor ends at 99 %. */
const PROGRESS_STEPS = 1024;

/**
 * One job and those of its tasks that a transaction is about to change, in memory. Every change of a status goes through
 * here: it is held against the tables, moves the counters, and is recorded in order. The store loads the rows under
 * the job's lock, lets the rules of this folder decide, and writes what `dirty…` and `records` say.
 *
 * A ledger may hold only some tasks; whoever needs the others asks `needsAllTasks()` first.
 */
export class JobLedger {
  readonly job: LedgerJob;
  readonly tasks = new Map<string, LedgerTask>();
  /** Attempts by task: the live one, or one that is about to come back. */
  readonly attempts = new Map<string, LedgerAttempt>();
  readonly failures = new Map<string, LedgerFailure>();
  readonly blocks = new Map<string, LedgerBlock>();
  /** Task id → ids of the tasks that wait for it. Known for the tasks whose completion may change. */
  readonly dependents = new Map<string, string[]>();
  /** Claimable tasks gained or lost, by task type. */
  readonly claimableDelta = new Map<string, number>();

  readonly records: StatusRecord[] = [];
  readonly dirtyTasks = new Set<LedgerTask>();
  readonly dirtyAttempts = new Set<LedgerAttempt>();
  readonly newAttempts = new Set<LedgerAttempt>();
  readonly dirtyFailures = new Set<LedgerFailure>();
  readonly newBlocks = new Set<LedgerBlock>();
  /** Tasks whose failure records are forgotten; 'all' for the whole job, with its blocks. */
  readonly forgivenTasks = new Set<string>();
  isForgiven = false;
  isDeleted = false;
  hasJobChanged = false;

  private hasAllTasks: boolean;
  private hasNewFailedTask = false;

  constructor(job: LedgerJob, hasAllTasks = false) {
    this.job = job;
    this.hasAllTasks = hasAllTasks;
  }

  /** Adds a task that was read later; one that is here already is newer and stays. */
  addTask(task: LedgerTask): LedgerTask {
    const known = this.tasks.get(task.id);
    if (known) return known;
    this.tasks.set(task.id, task);
    return task;
  }

  addAttempt(attempt: LedgerAttempt): LedgerAttempt {
    const known = this.attempts.get(attempt.taskId);
    if (known) return known;
    this.attempts.set(attempt.taskId, attempt);
    return attempt;
  }

  declareAllTasksHeld(): void {
    this.hasAllTasks = true;
  }

  task(id: string): LedgerTask {
    const task = this.tasks.get(id);
    if (!task) throw new Error(`The ledger of job ${this.job.id} does not hold the task ${id}.`);
    return task;
  }

  /** The attempt that is executing the task, or null. */
  liveAttempt(taskId: string): LedgerAttempt | null {
    const attempt = this.attempts.get(taskId);
    return attempt && attempt.endedAt === null ? attempt : null;
  }

  isClaimable(task: LedgerTask): boolean {
    return isOpenTask(task.status) && task.openDependencies === 0;
  }

  tally(): TaskTally {
    const { job } = this;
    return {
      total: job.tasksTotal,
      active: job.tasksActive,
      claimable: job.tasksClaimable,
      completed: job.tasksCompleted,
      failures: job.tasksFailed + job.tasksCanceledByFailure,
    };
  }

  /** Moves a task along one row of the table and records it. */
  moveTask(task: LedgerTask, to: TaskStatus, cause: Cause, attemptNumber = 0): void {
    const { job } = this;
    const from = task.status;
    if (!isTaskTransition(from, to)) throw new Error(`Task ${task.id}: ${from} → ${to} is not in the table.`);
    const wasClaimable = this.isClaimable(task);
    job[TASK_COUNTERS[from as keyof typeof TASK_COUNTERS]] -= 1;
    job[TASK_COUNTERS[to as keyof typeof TASK_COUNTERS]] += 1;
    if (from === 'canceled' && task.statusReason === 'JOB_FAILED') job.tasksCanceledByFailure -= 1;
    if (to === 'canceled' && cause.reason === 'JOB_FAILED') job.tasksCanceledByFailure += 1;
    task.status = to;
    task.statusReason = cause.reason;
    this.countClaimable(task, wasClaimable);
    if (to === 'completed') this.countDependency(task, -1);
    if (from === 'completed') this.countDependency(task, +1);
    if (to === 'completed') {
      task.rendersAnew = true;
      this.setProgress(task, 1);
    } else if (from === 'active' || from === 'completed') this.setProgress(task, 0);
    if (from === 'active') task.activity = task.stopRequestedAt = null;
    if (to === 'failed') this.hasNewFailedTask = true;
    this.dirtyTasks.add(task);
    this.record('task', from, to, cause, { id: task.id, name: task.name, attemptNumber });
  }

  /** Moves the job along a row of the table or a requested hop, and records it. */
  moveJob(to: JobStatus, cause: Cause, at: Date): void {
    const { job } = this;
    const from = job.status;
    if (!isRecordableJobChange(from, to)) throw new Error(`Job ${job.id}: ${from} → ${to} is not in the table.`);
    job.status = to;
    job.statusReason = cause.reason;
    if (to === 'active') job.startedAt ??= at;
    if (isFinishedJob(to)) job.finishedAt = at;
    // A task that failed meanwhile was put back and is done: nothing is wrong with the job any more.
    if (to === 'completed') job.error = null;
    if (to === 'requeueing') {
      job.error = job.finishedAt = job.startedAt = null;
      job.recentFrameSeconds = [];
    }
    this.record('job', from, to, cause);
  }

  /** Records that the job is deleted: its last change. */
  deleteJob(cause: Cause): void {
    this.isDeleted = true;
    this.record('deletion', null, null, cause);
  }

  /** Sets how much of a task is done; what lies outside 0–1 is taken as the nearer end. */
  setProgress(task: LedgerTask, given: number): void {
    const { job } = this;
    const fraction = Math.min(1, Math.max(0, given));
    const progress = Math.floor(fraction * PROGRESS_STEPS) / PROGRESS_STEPS;
    // The fraction of n frames may come in as 0.333…; the small allowance keeps a finished frame counted.
    const framesDone = Math.min(task.frameCount, Math.floor(fraction * task.frameCount + 1e-6));
    if (progress === task.progress && framesDone === task.framesDone) return;
    job.workDone += (progress - task.progress) * weighTask(task);
    job.framesDone += framesDone - task.framesDone;
    task.progress = progress;
    task.framesDone = framesDone;
    this.dirtyTasks.add(task);
    this.hasJobChanged = true;
  }

  /** Tells the worker of an active task to stop. CANCELED replaces RECALLED, otherwise the first order stays. */
  orderStop(task: LedgerTask, order: StopOrder, cause: Cause, at: Date): boolean {
    const attempt = this.liveAttempt(task.id);
    if (!attempt) throw new Error(`Task ${task.id} is active without a live attempt.`);
    if (attempt.stopOrder === 'CANCELED' || attempt.stopOrder === order) return false;
    attempt.stopOrder = order;
    attempt.stopReason = cause.reason;
    attempt.stopRequestedBy = cause.actor;
    attempt.stopComment = cause.message ?? null;
    attempt.stopSentAt = null;
    task.stopRequestedAt = at;
    this.dirtyAttempts.add(attempt);
    this.dirtyTasks.add(task);
    return true;
  }

  /** Cancels every task that waits, grouped so that each kind of change is one record. */
  closeOpenTasks(cause: Cause): void {
    for (const status of ['queued', 'soft-failed'] as const)
      for (const task of this.tasksWith(status)) this.moveTask(task, 'canceled', cause);
  }

  /** In the order of their index, whatever the order in which they were read: so records tell them. */
  tasksWith(status: TaskStatus): LedgerTask[] {
    return [...this.tasks.values()].filter((task) => task.status === status).sort((a, b) => a.index - b.index);
  }

  /** Whether `settle` would touch tasks that may not be here. */
  needsAllTasks(): boolean {
    if (this.hasAllTasks) return false;
    const open = this.job.tasksQueued + this.job.tasksSoftFailed;
    if (this.mustFailJob()) return open + this.job.tasksActive > 0;
    return open > 0 && foldJob(this.job.status, this.tally()) !== null;
  }

  /**
   * What the tasks now demand of the job: when too many failed, the rest is called off; when nothing can run any more,
   * the job ends. Called once after all changes of a transaction.
   */
  settle(at: Date, actor = 'gateway'): void {
    const { job } = this;
    if (this.mustFailJob()) {
      const cause: Cause = { actor, reason: 'JOB_FAILED', message: job.error };
      this.closeOpenTasks(cause);
      for (const task of this.tasksWith('active')) this.orderStop(task, 'CANCELED', cause, at);
    }
    this.hasNewFailedTask = false;
    const ending = foldJob(job.status, this.tally());
    if (!ending) return;
    this.closeOpenTasks({ actor, reason: ending.closeOpenTasksAs });
    this.moveJob(ending.to, { actor, reason: 'FINISHED', message: ending.to === 'failed' ? job.error : null }, at);
  }

  /** The failure limit is tested only when a task becomes failed, and only while others could still run. */
  private mustFailJob(): boolean {
    const { job } = this;
    return (
      this.hasNewFailedTask &&
      job.status === 'active' &&
      (job.tasksActive > 0 || job.tasksClaimable > 0) &&
      isFailureLimitReached(job.tasksFailed, job.tasksTotal, job.failureLimitPercent)
    );
  }

  private countClaimable(task: LedgerTask, wasClaimable: boolean): void {
    const delta = Number(this.isClaimable(task)) - Number(wasClaimable);
    if (delta === 0) return;
    this.job.tasksClaimable += delta;
    this.claimableDelta.set(task.type, (this.claimableDelta.get(task.type) ?? 0) + delta);
    this.hasJobChanged = true;
  }

  private countDependency(task: LedgerTask, delta: 1 | -1): void {
    for (const id of this.dependents.get(task.id) ?? []) {
      const dependent = this.task(id);
      const wasClaimable = this.isClaimable(dependent);
      dependent.openDependencies += delta;
      this.countClaimable(dependent, wasClaimable);
      this.dirtyTasks.add(dependent);
    }
  }

  private record(
    kind: StatusRecord['kind'],
    from: StatusRecord['from'],
    to: StatusRecord['to'],
    { actor, reason, message = null }: Cause,
    task?: StatusRecord['tasks'][number],
  ): void {
    const { job } = this;
    job.sequence += 1;
    this.hasJobChanged = true;
    const last = this.records.at(-1);
    const isSame =
      last &&
      task &&
      last.kind === kind &&
      last.from === from &&
      last.to === to &&
      last.reason === reason &&
      last.actor === actor &&
      last.message === message;
    if (isSame) last.tasks.push(task);
    else
      this.records.push({
        kind,
        from,
        to,
        actor,
        reason,
        message,
        firstSequence: job.sequence,
        tasks: task ? [task] : [],
      });
  }
}

/** What a task counts for in the job's progress: its frames, or one. */
export function weighTask(task: { frameCount: number }): number {
  return Math.max(1, task.frameCount);
}

/** The key of a worker's failure record of a task, and of its block for a task type. */
export function ledgerKey(workerId: string, taskIdOrType: string): string {
  return `${workerId} ${taskIdOrType}`;
}

import { TestClock } from './clock.ts';
import { dumpTables } from './dump.ts';
import { expectConsistent } from './expect-consistent.ts';
import { FarmWorker, type SignOnInput } from './farm-worker.ts';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from './gateway.ts';
import { type HistoryLine, readHistory } from './history.ts';
import { type Shape, TEST_JOB_TYPES } from './shape-job-type.ts';

export interface TaskView {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly statusReason: string;
  readonly failedAttempts: number;
  readonly stopRequestedAt: string | null;
  readonly waitingFor: string | null;
  readonly allowedActions: string[];
  readonly attempts: { readonly nodes: AttemptView[] };
}
export interface AttemptView {
  readonly number: number;
  readonly outcome: string | null;
  readonly failure: { readonly kind: string; readonly message: string } | null;
  readonly worker: { readonly name: string };
}
export interface JobView {
  readonly status: string;
  readonly statusReason: string;
  readonly error: string | null;
  readonly waitingFor: string[];
  readonly allowedActions: string[];
  readonly taskCounts: Record<string, number>;
  readonly workerBlocks: {
    readonly worker: { readonly id: string };
    readonly taskType: string;
    readonly until: string;
  }[];
  readonly tasks: { readonly nodes: TaskView[] };
}
const JOB = `query ($id: ID!) { job(id: $id) { status statusReason error waitingFor allowedActions
  taskCounts { total queued active completed softFailed failed canceled } workerBlocks { worker { id } taskType until }
  tasks(first: 100) { nodes { id name status statusReason failedAttempts stopRequestedAt waitingFor allowedActions
    attempts { nodes { number outcome failure { kind message } worker { name } } } } } } }`;

const ERROR = '... on Error { code message } ... on NotFoundError { id }';
const ISSUES = '... on InvalidInputError { issues { path message allowed } }';
const JOB_RESULT = `... on JobSuccess { changed cursor job { id status } } ... on JobTransitionError { from to allowed refusal job { id status } } ${ISSUES} ${ERROR}`;
const TASK_RESULT = `... on TaskSuccess { changed cursor task { id status stopRequestedAt } job { id status } }
  ... on TaskTransitionError { from to allowed refusal task { id status } } ... on DependencyUnfinishedError { dependencies { name } } ${ISSUES} ${ERROR}`;
const WORKER_RESULT = `... on WorkerSuccess { worker { id name status requestedStatus tags taskTypes } } ${ISSUES} ${ERROR}`;
/** Each mutation that users make, and what the tests read of its result. */
// biome-ignore format: one mutation per line
const SELECTIONS = {
  cancelJob: JOB_RESULT,
  requeueJob: JOB_RESULT,
  setJobStatus: JOB_RESULT,
  cancelJobs: JOB_RESULT,
  requeueJobs: JOB_RESULT,
  unblockWorker: JOB_RESULT,
  updateJob: `... on JobSuccess { changed cursor job { id status } } ${ISSUES} ${ERROR}`,
  deleteJob: `... on DeleteSuccess { deletedId cursor } ... on JobNotDeletableError { job { id status } } ${ERROR}`,
  deleteJobs: `... on DeleteSuccess { deletedId cursor } ... on JobNotDeletableError { job { id status } } ${ERROR}`,
  cancelTask: TASK_RESULT,
  requeueTask: TASK_RESULT,
  setTaskStatus: TASK_RESULT,
  cancelTasks: TASK_RESULT,
  requeueTasks: TASK_RESULT,
  requeueFrames: `... on RequeueFramesSuccess { cursor job { id status } tasks { id name status } } ... on TaskTransitionError { from to allowed refusal task { id status } }
    ... on DependencyUnfinishedError { dependencies { name } } ${ISSUES} ${ERROR}`,
  requestWorkerStatus: WORKER_RESULT,
  updateWorker: WORKER_RESULT,
  deleteWorker: `... on DeleteWorkerSuccess { deletedId } ${ERROR}`,
} as const;
type MutationOfMany = 'cancelJobs' | 'requeueJobs' | 'deleteJobs' | 'cancelTasks' | 'requeueTasks';
export type UserMutation = Exclude<keyof typeof SELECTIONS, MutationOfMany>;

/** What a mutation answered: the fields of whichever type it was. */
export interface Answer {
  readonly __typename: string;
  readonly changed?: boolean;
  readonly cursor?: string;
  readonly code?: string;
  readonly message?: string;
  readonly from?: string;
  readonly to?: string;
  readonly allowed?: string[];
  readonly refusal?: string;
  readonly job?: { readonly id: string; readonly status: string };
  readonly task?: { readonly id: string; readonly status: string; readonly stopRequestedAt?: string | null };
  readonly worker?: { readonly status: string; readonly requestedStatus: string | null; readonly tags: string[] };
  readonly tasks?: { readonly id: string; readonly name: string; readonly status: string }[];
  readonly dependencies?: { readonly name: string }[];
  readonly issues?: { readonly path: string[]; readonly message: string; readonly allowed: string | null }[];
}

/** A submitted job: global ids. */
export interface SubmittedJob {
  readonly id: string;
  readonly tasks: readonly string[];
}

/** A gateway whose clock stands until the test moves it, and whose sweep runs when the test says so. */
export class Farm {
  readonly gateway: TestGateway;
  readonly clock: TestClock;

  private constructor(gateway: TestGateway, clock: TestClock) {
    this.gateway = gateway;
    this.clock = clock;
  }

  static async start(options: TestGatewayOptions = {}): Promise<Farm> {
    const clock = new TestClock();
    const gateway = await startTestGateway({ jobTypes: TEST_JOB_TYPES, now: clock.now, ...options });
    await gateway.sweep.stop();
    return new Farm(gateway, clock);
  }

  close(): Promise<void> {
    return this.gateway.close();
  }

  /** Ends what is due now: leases, time limits, unconfirmed orders. */
  sweep(): Promise<void> {
    return this.gateway.sweep.endWhatIsDue();
  }

  worker(name = 'worker', input?: SignOnInput): Promise<FarmWorker> {
    return FarmWorker.signOn(this.gateway, name, input);
  }

  async submit(shape: Shape, input: Record<string, unknown> & { settings?: object } = {}): Promise<SubmittedJob> {
    const { submitJob } = await this.gateway.run<{
      submitJob: { message?: string; job: { id: string; tasks: { nodes: { id: string }[] } } };
    }>(
      `mutation ($input: SubmitJobInput!) { submitJob(input: $input) {
        ... on SubmitJobSuccess { job { id tasks(first: 100) { nodes { id } } } } ... on Error { message } } }`,
      {
        input: {
          type: 'shape',
          name: 'job',
          ...input,
          settings: { ...(input.type === undefined && { shape: JSON.stringify(shape) }), ...input.settings },
        },
      },
    );
    if (submitJob.message) throw new Error(submitJob.message);
    const { id, tasks } = submitJob.job;
    return { id, tasks: tasks.nodes.map((task) => task.id) };
  }

  /** Makes a user's mutation. */
  ask(mutation: MutationOfMany, input: object): Promise<Answer[]>;
  ask(mutation: UserMutation, input: object): Promise<Answer>;
  async ask(mutation: keyof typeof SELECTIONS, input: object): Promise<Answer | Answer[]> {
    const type = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input`;
    const data = await this.gateway.run<Record<string, Answer>>(
      `mutation ($input: ${type}!) { ${mutation}(input: $input) { __typename ${SELECTIONS[mutation]} } }`,
      { input },
    );
    return data[mutation]!;
  }

  async job({ id }: { readonly id: string }): Promise<JobView> {
    const { job } = await this.gateway.run<{ job: JobView }>(JOB, { id });
    return job;
  }

  /** A task of a job, by its index. */
  async task(job: SubmittedJob, index = 0): Promise<TaskView> {
    return (await this.job(job)).tasks.nodes[index]!;
  }

  /** The status of the job and of each of its tasks, in the documentation's spelling: `active: completed soft-failed`. */
  async statuses(job: SubmittedJob): Promise<string> {
    const { status, tasks } = await this.job(job);
    return [`${wordOf(status)}:`, ...tasks.nodes.map((task) => wordOf(task.status))].join(' ');
  }

  history(job: { readonly id: string }): Promise<HistoryLine[]> {
    return readHistory(this.gateway.database.pool, storedId(job.id));
  }

  /** The job's changes with their reasons, in order, as `task 1 queued → active CLAIMED`; without its first `after`. */
  async changes(job: { readonly id: string }, after = 2): Promise<string[]> {
    return (await this.history(job))
      .slice(after)
      .map(({ what, from, to, reason }) => `${what} ${from} → ${to} ${reason}`);
  }

  query(sql: string, values: unknown[] = []) {
    return this.gateway.database.pool.query<Record<string, unknown>>(sql, values);
  }

  /** Every row of every table: what must be the same before and after a refusal. */
  dump(): Promise<Record<string, string[]>> {
    return dumpTables(this.gateway.database.pool);
  }

  /** Whether everything that is stored fits together. */
  expectConsistent(): Promise<void> {
    return expectConsistent(this.gateway.database.pool);
  }

  /** To be called after each test: audits what it left, and removes it. */
  async endTest(): Promise<void> {
    const { pool } = this.gateway.database;
    try {
      await this.expectConsistent();
    } finally {
      await pool.query('DELETE FROM job');
      await pool.query('DELETE FROM worker');
      await pool.query('DELETE FROM event');
      await pool.query('DELETE FROM task_log_chunk');
    }
  }
}

/** A status of the API as the documentation spells it. */
export function wordOf(status: string): string {
  return status.toLowerCase().replaceAll('_', '-');
}

/** A status of the documentation as the API spells it. */
export function enumOf(status: string): string {
  return status.toUpperCase().replaceAll('-', '_');
}

/** The stored id behind a global one. */
export function storedId(globalId: string): string {
  return Buffer.from(globalId, 'base64').toString().split(':')[1]!;
}

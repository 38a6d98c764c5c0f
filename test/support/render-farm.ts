import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTestFolder } from './blender.ts';
import { startTestGateway, type TestGateway, type TestGatewayOptions } from './gateway.ts';
import { findProcessesIn, until } from './processes.ts';
import { type Program, startWorkerProcess } from './worker-process.ts';

export interface RenderAttempt {
  readonly outcome: string | null;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly worker: { readonly name: string };
  readonly failure: { readonly kind: string; readonly message: string } | null;
}
export interface RenderTask {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly statusReason: string;
  readonly failedAttempts: number;
  readonly attempts: { readonly nodes: RenderAttempt[] };
}
export interface RenderJob {
  readonly id: string;
  readonly status: string;
  readonly error: string | null;
  readonly taskCounts: Record<'total' | 'active' | 'completed' | 'canceled' | 'failed', number>;
  readonly frameCounts: { readonly done: number };
  readonly tasks: { readonly nodes: RenderTask[] };
}

const JOB = `query ($id: ID!) { job(id: $id) { id status error taskCounts { total active completed canceled failed } frameCounts { done }
  tasks(first: 100) { nodes { id name type status statusReason failedAttempts attempts(first: 20) { nodes {
    outcome startedAt endedAt worker { name } failure { kind message } } } } } } }`;

/** A gateway with worker processes, which really render into a folder of the test. */
export class RenderFarm {
  readonly gateway: TestGateway;
  /** Holds scenes, frames, and the workers' states. */
  readonly folder: string;
  private readonly removeFolder: () => Promise<void>;
  private workers: Program[] = [];
  private outputs = 0;

  private constructor(gateway: TestGateway, folder: { path: string; remove(): Promise<void> }) {
    this.gateway = gateway;
    this.folder = folder.path;
    this.removeFolder = folder.remove;
  }

  static async start(name: string, options: TestGatewayOptions = {}): Promise<RenderFarm> {
    const folder = await makeTestFolder(name);
    return new RenderFarm(await startTestGateway(options), folder);
  }

  /** Ends everything, and fails when a process is left. */
  async close(): Promise<void> {
    await this.endWorkers();
    await this.gateway.close();
    const left = await findProcessesIn(this.folder);
    await this.removeFolder();
    if (left.length > 0) throw new Error(`Processes were left in ${this.folder}: ${left.join(', ')}.`);
  }

  /** Starts a worker process with a state of its own, and waits until it is awake. */
  async startWorker(name: string, args: readonly string[] = []): Promise<Program> {
    const worker = startWorkerProcess(this.gateway.url, this.folder, name, args);
    this.workers.push(worker);
    await until(async () => {
      if (worker.child.exitCode !== null) throw new Error(worker.output());
      const { workers } = await this.gateway.run<{ workers: { nodes: { name: string; status: string }[] } }>(
        '{ workers(first: 100) { nodes { name status } } }',
      );
      return workers.nodes.some((node) => node.name === name && node.status === 'AWAKE');
    });
    return worker;
  }

  /** To be called after each test; also ends a worker that the test has halted. */
  async endWorkers(): Promise<void> {
    for (const { child } of this.workers) child.kill('SIGCONT');
    await Promise.all(this.workers.map((worker) => worker.kill()));
    this.workers = [];
  }

  /** Submits 24 frames in chunks of 4, unless told otherwise, into a new folder. */
  async submit(blendFile: string, settings: Record<string, unknown> = {}, input: Record<string, unknown> = {}) {
    this.outputs += 1;
    const output = join(this.folder, `out-${this.outputs}`);
    const { submitJob } = await this.gateway.run<{ submitJob: { job?: { id: string } } }>(
      `mutation ($input: SubmitJobInput!) { submitJob(input: $input) {
        ... on SubmitJobSuccess { job { id } } ... on InvalidInputError { issues { path message } } } }`,
      {
        input: {
          type: 'simple-blender-render',
          name: 'job',
          settings: { blendFile, frames: '1-24', chunkSize: 4, outputPath: join(output, 'shot_####'), ...settings },
          ...input,
        },
      },
    );
    if (!submitJob.job) throw new Error(JSON.stringify(submitJob));
    return { id: submitJob.job.id, output };
  }

  async read(id: string): Promise<RenderJob> {
    return (await this.gateway.run<{ job: RenderJob }>(JOB, { id })).job;
  }

  /** Waits until the job has ended. */
  async finish(id: string): Promise<RenderJob> {
    await until(async () => ['COMPLETED', 'FAILED', 'CANCELED'].includes((await this.read(id)).status));
    return await this.read(id);
  }

  /** Makes a user's mutation that takes nothing but an id. */
  async ask(mutation: 'cancelJob' | 'requeueJob' | 'requeueTask', id: string): Promise<void> {
    await this.gateway.run(`mutation ($id: ID!) { ${mutation}(input: { id: $id }) { __typename } }`, { id });
  }
}

/** All attempts at a job's tasks of a type. */
export function attemptsOf(job: RenderJob, type: 'blender' | 'video'): RenderAttempt[] {
  return job.tasks.nodes.filter((task) => task.type === type).flatMap((task) => task.attempts.nodes);
}

/** The names of the frames that stand in their final place. */
export async function framesIn(output: string): Promise<string[]> {
  return (await readdir(output).catch(() => [])).filter((name) => name.endsWith('.png')).sort();
}

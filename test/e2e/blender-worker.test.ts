import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runWorker } from '../../src/worker/worker.ts';
import { makeScenes, makeTestFolder } from '../support/blender.ts';
import { silentLogger } from '../support/command-context.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

/* The worker against a real gateway, over its socket. What needs processes of their own is in farm.test.ts. */

let folder: Awaited<ReturnType<typeof makeTestFolder>>;
let gateway: TestGateway;
let blendFile: string;
const stop = new AbortController();
let working: Promise<unknown>;

beforeAll(async () => {
  folder = await makeTestFolder('worker');
  ({ plain: blendFile } = await makeScenes(folder.path, { plain: {} }));
  gateway = await startTestGateway();
  working = runWorker(
    { gateway: gateway.url, name: 'anna', version: '0', tags: [], stateDir: join(folder.path, 'state') },
    { logger: silentLogger, signal: stop.signal },
  );
}, 60_000);

afterAll(async () => {
  stop.abort();
  await working;
  await gateway?.close();
  await folder?.remove();
});

async function submit(type: string, settings: Record<string, unknown>): Promise<string> {
  const { submitJob } = await gateway.run<{ submitJob: { job?: { id: string } } }>(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { ... on SubmitJobSuccess { job { id } } ... on InvalidInputError { issues { message } } } }',
    { input: { type, name: 'job', settings } },
  );
  return submitJob.job?.id ?? expect.fail(JSON.stringify(submitJob));
}

interface Job {
  readonly status: string;
  readonly frameCounts: { readonly done: number };
  readonly tasks: {
    readonly nodes: {
      readonly attempts: { readonly nodes: { readonly outcome: string; readonly logUrl: string }[] };
    }[];
  };
}

async function readJob(id: string): Promise<Job> {
  const { job } = await gateway.run<{ job: Job }>(
    'query ($id: ID!) { job(id: $id) { status frameCounts { done } tasks { nodes { attempts { nodes { outcome logUrl } } } } } }',
    { id },
  );
  return job;
}

async function ended(id: string): Promise<Job> {
  for (;;) {
    const job = await readJob(id);
    if (['COMPLETED', 'FAILED', 'CANCELED'].includes(job.status)) return job;
    await sleep(20);
  }
}

const outcomes = (job: Job) => job.tasks.nodes.flatMap(({ attempts }) => attempts.nodes.map(({ outcome }) => outcome));

describe('a worker at a real gateway', () => {
  it('renders a job, frames and video, each task in one attempt', async () => {
    const outputPath = join(folder.path, 'out', 'shot_####');
    const job = await ended(
      await submit('simple-blender-render', { blendFile, frames: '-1..4', chunkSize: 2, outputPath }),
    );
    expect(job).toMatchObject({ status: 'COMPLETED', frameCounts: { done: 6 } });
    expect(outcomes(job)).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED', 'COMPLETED']);
    const files = readdirSync(join(folder.path, 'out')).sort();
    expect(files.filter((name) => name.endsWith('.png'))).toHaveLength(6);
    expect(files.filter((name) => name.endsWith('.mp4'))).toHaveLength(1);
    expect(files).toHaveLength(7);
    expect(files.every((name) => statSync(join(folder.path, 'out', name)).size > 100)).toBe(true);
  });

  it('ends a running task when its job is canceled', async () => {
    const id = await submit('echo-sleep-test', { sleepSeconds: 600 });
    while ((await readJob(id)).status !== 'ACTIVE') await sleep(20);
    const startedAt = performance.now();
    await gateway.run('mutation ($id: ID!) { cancelJob(input: { id: $id }) { __typename } }', { id });
    const job = await ended(id);
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(job.status).toBe('CANCELED');
    expect(outcomes(job)).toEqual(['STOPPED']);
  });

  it('executes many short tasks one after the other', async () => {
    const job = await ended(await submit('echo-sleep-test', { sleepSeconds: 0, repeats: 40 }));
    expect(outcomes(job)).toEqual(Array(40).fill('COMPLETED'));
  });
});

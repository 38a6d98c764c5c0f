import { readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeScenes, makeTestFolder } from '../support/blender.ts';
import { findProcessesIn, until } from '../support/processes.ts';
import { type Program, startProgram, startWorkerProcess } from '../support/worker-process.ts';

const FRAMES = 12;

let folder: { path: string; remove(): Promise<void> };
let scene: string;
let port: number;
const programs: Program[] = [];

beforeAll(async () => {
  folder = await makeTestFolder('crash');
  ({ scene } = await makeScenes(folder.path, {
    scene: { python: 'scene.render.resolution_x, scene.render.resolution_y, scene.cycles.samples = 320, 180, 64' },
  }));
  port = await findFreePort();
}, 60_000);
afterAll(async () => {
  for (const program of programs)
    if (program.child.exitCode === null && program.child.signalCode === null) await program.kill();
  expect(await findProcessesIn(folder.path)).toEqual([]);
  await folder.remove();
});

function findFreePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function startGateway(): Program {
  const args = [
    'serve',
    '--port',
    String(port),
    '--data-dir',
    join(folder.path, 'data'),
    '--no-worker',
    '--lease-seconds',
    '10',
    '--retry-delay-seconds',
    '1',
  ];
  const gateway = startProgram(args, folder.path, 'gateway');
  programs.push(gateway);
  return gateway;
}

function startWorker(): Program {
  const worker = startWorkerProcess(`http://127.0.0.1:${port}`, folder.path, 'worker');
  programs.push(worker);
  return worker;
}

async function ask<Data>(query: string, variables: object = {}): Promise<Data> {
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return ((await response.json()) as { data: Data }).data;
}

const isUp = () =>
  fetch(`http://127.0.0.1:${port}/ready`).then(
    ({ ok }) => ok,
    () => false,
  );

interface Job {
  readonly status: string;
  readonly frameCounts: { readonly done: number };
  readonly taskCounts: { readonly active: number };
  readonly tasks: {
    readonly nodes: { readonly attempts: { readonly nodes: { readonly outcome: string | null }[] } }[];
  };
}
async function read(id: string): Promise<Job> {
  const query =
    'query ($id: ID!) { job(id: $id) { status frameCounts { done } taskCounts { active } tasks { nodes { attempts { nodes { outcome } } } } } }';
  return (await ask<{ job: Job }>(query, { id })).job;
}

it('completes a job through kill -9 of the gateway and of the worker, in the middle of the render', {
  timeout: 180_000,
}, async () => {
  const first = startGateway();
  await until(isUp);
  const worker = startWorker();
  const output = join(folder.path, 'out');
  const { submitJob } = await ask<{ submitJob: { job: { id: string } } }>(
    'mutation ($settings: JSON!) { submitJob(input: { type: "simple-blender-render", name: "crash", settings: $settings }) { ... on SubmitJobSuccess { job { id } } } }',
    { settings: { blendFile: scene, frames: `1-${FRAMES}`, chunkSize: 3, outputPath: join(output, 'f_####') } },
  );
  const { id } = submitJob.job;
  const frames = async () => (await readdir(output).catch(() => [])).filter((name) => name.endsWith('.png'));

  await until(async () => (await frames()).length >= 2);
  await first.kill('SIGKILL');
  const before = (await frames()).length;
  // The worker goes on without its gateway.
  await until(async () => (await frames()).length > before);
  startGateway();
  await until(isUp);
  expect((await read(id)).status).toBe('ACTIVE');

  await until(async () => (await frames()).length >= 6);
  await worker.kill('SIGKILL');
  await until(async () => (await findProcessesIn(join(folder.path, 'worker'))).length === 0);
  startWorker();

  await until(async () => (await read(id)).status === 'COMPLETED');
  const job = await read(id);
  expect(await frames()).toHaveLength(FRAMES);
  expect(job.frameCounts.done).toBe(FRAMES);
  // Nothing is left of what was begun and lost: no attempt without an end, no folder, no half a file.
  expect(job.tasks.nodes.flatMap((task) => task.attempts.nodes).filter(({ outcome }) => outcome === null)).toEqual([]);
  expect((await readdir(output)).filter((name) => !/\.(png|mp4)$/.test(name))).toEqual([]);
  const blenders = await findProcessesIn(join(folder.path, 'worker'));
  expect(blenders.length).toBeLessThanOrEqual(2);
});

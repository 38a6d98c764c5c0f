import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findFeedFaults } from '../support/audit.ts';
import { makeScenes, makeTestFolder, requireBlender } from '../support/blender.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { findProcessesIn, until } from '../support/processes.ts';
import { type Program, startWorkerProcess } from '../support/worker-process.ts';

/*
 * The whole way with nothing left out: a gateway, worker processes, a real Blender, files on the disk.
 */

/** Long enough to cancel in the middle of a job, short enough to wait for. */
const BRISK = 'scene.render.resolution_x, scene.render.resolution_y, scene.cycles.samples = 320, 180, 64';
const SLOW = 'scene.render.resolution_x, scene.render.resolution_y, scene.cycles.samples = 640, 360, 4096';

let folder: { path: string; remove(): Promise<void> };
let scenes: Record<'plain' | 'brisk' | 'slow' | 'denoised' | 'broken', string>;
let gateway: TestGateway;
let workers: Program[] = [];
let outputs = 0;

beforeAll(async () => {
  folder = await makeTestFolder('farm');
  scenes = await makeScenes(folder.path, {
    plain: {},
    brisk: { python: BRISK },
    slow: { python: SLOW },
    denoised: { python: 'scene.cycles.use_denoising = True' },
    broken: {
      script:
        'import bpy\ndef fail(scene):\n    raise RuntimeError("the rig is broken")\nbpy.app.handlers.frame_change_pre.append(fail)\n',
    },
  });
  gateway = await startTestGateway();
}, 120_000);
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  workers = [];
});
afterAll(async () => {
  await gateway?.close();
  expect(await findProcessesIn(folder.path)).toEqual([]);
  await folder?.remove();
});

function startWorkers(names: readonly string[], args: readonly string[] = []): void {
  for (const name of names) workers.push(startWorkerProcess(gateway.url, folder.path, `${name}-${outputs}`, args));
}

interface Job {
  readonly id: string;
  readonly status: string;
  readonly error: string | null;
  readonly taskCounts: Record<'total' | 'active' | 'completed' | 'canceled' | 'failed', number>;
  readonly frameCounts: { readonly done: number };
  readonly tasks: {
    readonly nodes: {
      readonly type: string;
      readonly status: string;
      readonly attempts: { readonly nodes: Attempt[] };
    }[];
  };
}
interface Attempt {
  readonly outcome: string;
  readonly worker: { readonly name: string };
  readonly failure: { readonly kind: string; readonly message: string } | null;
}

async function submit(blendFile: string, settings: Record<string, unknown> = {}, input: Record<string, unknown> = {}) {
  outputs += 1;
  const output = join(folder.path, `out-${outputs}`);
  const { submitJob } = await gateway.run<{ submitJob: { job?: Job; issues?: unknown } }>(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { ... on SubmitJobSuccess { job { id } } ... on InvalidInputError { issues { path message } } } }',
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

async function read(id: string): Promise<Job> {
  const { job } = await gateway.run<{ job: Job }>(
    `query ($id: ID!) { job(id: $id) { id status error taskCounts { total active completed canceled failed } frameCounts { done }
      tasks(first: 100) { nodes { type status attempts(first: 20) { nodes { outcome worker { name } failure { kind message } } } } } } }`,
    { id },
  );
  return job;
}

async function finish(id: string): Promise<Job> {
  await until(async () => ['COMPLETED', 'FAILED', 'CANCELED'].includes((await read(id)).status));
  return await read(id);
}

async function cancel(id: string): Promise<void> {
  await gateway.run('mutation ($id: ID!) { cancelJob(input: { id: $id }) { __typename } }', { id });
}

async function requeue(id: string): Promise<void> {
  await gateway.run('mutation ($id: ID!) { requeueJob(input: { id: $id }) { __typename } }', { id });
}

const frames = async (output: string) => (await readdir(output)).filter((name) => name.endsWith('.png')).sort();
const attempts = (job: Job, type: string) =>
  job.tasks.nodes.filter((task) => task.type === type).flatMap((task) => task.attempts.nodes);

it('renders 24 frames in chunks of 4 on three workers: each frame once, then the video', {
  timeout: 120_000,
}, async () => {
  startWorkers(['anna', 'bela', 'cora']);
  const { id, output } = await submit(scenes.plain);
  const job = await finish(id);

  expect(job).toMatchObject({
    status: 'COMPLETED',
    error: null,
    taskCounts: { total: 7, completed: 7 },
    frameCounts: { done: 24 },
  });
  expect(attempts(job, 'blender').map(({ outcome }) => outcome)).toEqual(Array(6).fill('COMPLETED'));
  expect(await frames(output)).toEqual(
    Array.from({ length: 24 }, (_, index) => `shot_${String(index + 1).padStart(4, '0')}.png`),
  );
  const video = (await readdir(output)).filter((name) => name.endsWith('.mp4'));
  expect(video).toHaveLength(1);
  expect((await stat(join(output, video[0]!))).size).toBeGreaterThan(1000);
  // Nothing else is left there: no attempt folder, no half a file.
  expect(await readdir(output)).toHaveLength(25);

  const { rows } = await gateway.database.pool.query(
    'SELECT frame, count(*)::int AS times FROM output WHERE frame IS NOT NULL GROUP BY frame',
  );
  expect(rows).toHaveLength(24);
  expect(rows.every(({ times }) => times === 1)).toBe(true);
  expect(await findFeedFaults(gateway.database.pool)).toEqual([]);
});

it('cancels within two seconds, with everything that Blender started, and renders a requeued completed job again', {
  timeout: 180_000,
}, async () => {
  // A Blender with a child of its own, as a render engine or a license daemon may be.
  const { program } = await requireBlender();
  const wrapper = join(folder.path, 'blender-with-child');
  await writeFile(
    wrapper,
    `#!/bin/sh\ncase "$*" in *--version*) exec ${program} "$@";; esac\nsleep 4711 &\nexec ${program} "$@"\n`,
  );
  await chmod(wrapper, 0o755);
  startWorkers(['dana'], ['--blender', wrapper]);
  const { id, output } = await submit(scenes.slow, { frames: '1-2', chunkSize: 1, samples: 4096 });
  const programs = () => findProcessesIn('sleep\u00004711');
  await until(async () => (await programs()).length > 0 && (await read(id)).taskCounts.active === 1);

  await cancel(id);
  const asked = performance.now();
  await until(async () => (await programs()).length === 0 && (await findProcessesIn(scenes.slow)).length === 0);
  expect(performance.now() - asked).toBeLessThan(2000);
  const canceled = await finish(id);
  expect(canceled).toMatchObject({ status: 'CANCELED', taskCounts: { total: 3, canceled: 3 } });
  expect(await readdir(output)).toEqual([]);

  const plain = await submit(scenes.plain, { frames: '1-3', chunkSize: 1 });
  const done = await finish(plain.id);
  expect(done.status).toBe('COMPLETED');
  await requeue(plain.id);
  const again = await finish(plain.id);
  // Every task was completed, so every one is done again.
  expect(attempts(again, 'blender')).toHaveLength(6);

  await gateway.run('mutation ($id: ID!) { requeueTask(input: { id: $id }) { __typename } }', {
    id: await taskId(plain.id, 1),
  });
  const partly = await finish(plain.id);
  expect(attempts(partly, 'blender')).toHaveLength(7);
  expect(attempts(partly, 'video')).toHaveLength(3);
  expect(await findFeedFaults(gateway.database.pool)).toEqual([]);
});

it('renders after a cancel and a requeue only the frames that were not completed', { timeout: 120_000 }, async () => {
  startWorkers(['ella']);
  const { id, output } = await submit(scenes.brisk, { frames: '1-6', chunkSize: 1 });
  await until(async () => (await read(id)).taskCounts.completed >= 2);
  await cancel(id);
  const canceled = await finish(id);
  expect(canceled.status).toBe('CANCELED');
  const kept = await frames(output);
  expect(kept.length).toBe(canceled.taskCounts.completed);
  expect(kept.length).toBeLessThan(6);
  const written = async () => await Promise.all(kept.map(async (name) => (await stat(join(output, name))).mtimeMs));
  const before = await written();

  await requeue(id);
  const job = await finish(id);
  expect(job.status).toBe('COMPLETED');
  expect(await frames(output)).toHaveLength(6);
  // The files of then are untouched, and no task was completed twice.
  expect(await written()).toEqual(before);
  expect(attempts(job, 'blender').filter(({ outcome }) => outcome === 'COMPLETED')).toHaveLength(6);
  expect(await findFeedFaults(gateway.database.pool)).toEqual([]);
});

async function taskId(job: string, index: number): Promise<string> {
  const data = await gateway.run<{ job: { tasks: { nodes: { id: string }[] } } }>(
    'query ($id: ID!) { job(id: $id) { tasks { nodes { id } } } }',
    { id: job },
  );
  return data.job.tasks.nodes[index]!.id;
}

describe('a failed attempt says what happened', () => {
  const once = { maxAttempts: 1 };
  const failure = async (id: string) => {
    const job = await finish(id);
    expect(job.status).toBe('FAILED');
    const failed = attempts(job, 'blender')[0]!.failure!;
    expect(job.error).toContain(failed.message.split('\n')[0]);
    return failed;
  };

  it('when Blender ends without an error and without a frame', { timeout: 60_000 }, async () => {
    startWorkers(['emil']);
    const { id } = await submit(scenes.denoised, { frames: '1' }, once);
    expect(await failure(id)).toMatchObject({ kind: 'NO_FRAME', message: expect.stringMatching(/denois/i) });
  });

  it('when the .blend is not there', { timeout: 60_000 }, async () => {
    startWorkers(['finn']);
    const missing = join(folder.path, 'missing.blend');
    const { id } = await submit(missing, { frames: '1' }, once);
    expect(await failure(id)).toMatchObject({ kind: 'FILE_NOT_FOUND', message: expect.stringContaining(missing) });
  });

  it('when there is no Blender', { timeout: 60_000 }, async () => {
    startWorkers(['gina'], ['--blender', join(folder.path, 'no-blender'), '--task-types', 'blender,video']);
    const { id } = await submit(scenes.plain, { frames: '1' }, once);
    expect(await failure(id)).toMatchObject({
      kind: 'PROGRAM_NOT_FOUND',
      message: expect.stringContaining('no-blender'),
    });
  });

  it("when Python fails in the scene's render", { timeout: 60_000 }, async () => {
    startWorkers(['hugo'], ['--allow-autoexec']);
    const { id } = await submit(scenes.broken, { frames: '1' }, once);
    expect(await failure(id)).toMatchObject({
      kind: 'SCRIPT_ERROR',
      message: expect.stringContaining('the rig is broken'),
    });
  });

  it('when the output folder cannot be made', { timeout: 60_000 }, async () => {
    startWorkers(['ines']);
    const file = join(folder.path, 'a-file');
    await mkdir(folder.path, { recursive: true });
    await writeFile(file, '');
    const { id } = await submit(scenes.plain, { frames: '1', outputPath: join(file, 'below', 'shot_####') }, once);
    expect((await failure(id)).message).toContain(file);
  });
});

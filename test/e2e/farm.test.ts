import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findFeedFaults } from '../support/audit.ts';
import { makeScenes, requireBlender } from '../support/blender.ts';
import { findProcessesIn, until } from '../support/processes.ts';
import { attemptsOf, framesIn, RenderFarm } from '../support/render-farm.ts';

/*
 * The whole way with nothing left out: a gateway, worker processes, a real Blender, files on the disk.
 */

/** Long enough to cancel in the middle of a job, short enough to wait for. */
const BRISK = 'scene.render.resolution_x, scene.render.resolution_y, scene.cycles.samples = 320, 180, 64';
const SLOW = 'scene.render.resolution_x, scene.render.resolution_y, scene.cycles.samples = 640, 360, 4096';

/** Seconds that nobody else on this machine sleeps for. */
const UNIQUE = `4711.${process.pid}`;

let farm: RenderFarm;
let scenes: Record<'plain' | 'brisk' | 'slow' | 'denoised' | 'broken', string>;

beforeAll(async () => {
  farm = await RenderFarm.start('farm');
  scenes = await makeScenes(farm.folder, {
    plain: {},
    brisk: { python: BRISK },
    slow: { python: SLOW },
    denoised: { python: 'scene.cycles.use_denoising = True' },
    broken: {
      script:
        'import bpy\ndef fail(scene):\n    raise RuntimeError("the rig is broken")\nbpy.app.handlers.frame_change_pre.append(fail)\n',
    },
  });
}, 120_000);
afterEach(() => farm.endWorkers());
afterAll(() => farm?.close());

it('renders 24 frames in chunks of 4 on three workers: each frame once, then the video', {
  timeout: 120_000,
}, async () => {
  await Promise.all(['anna', 'bela', 'cora'].map((name) => farm.startWorker(name)));
  const { id, output } = await farm.submit(scenes.plain);
  const job = await farm.finish(id);

  expect(job).toMatchObject({
    status: 'COMPLETED',
    error: null,
    taskCounts: { total: 7, completed: 7 },
    frameCounts: { done: 24 },
  });
  expect(attemptsOf(job, 'blender').map(({ outcome }) => outcome)).toEqual(Array(6).fill('COMPLETED'));
  expect(await framesIn(output)).toEqual(
    Array.from({ length: 24 }, (_, index) => `shot_${String(index + 1).padStart(4, '0')}.png`),
  );
  const video = (await readdir(output)).filter((name) => name.endsWith('.mp4'));
  expect(video).toHaveLength(1);
  expect((await stat(join(output, video[0]!))).size).toBeGreaterThan(1000);
  // Nothing else is left there: no attempt folder, no half a file.
  expect(await readdir(output)).toHaveLength(25);

  const { rows } = await farm.gateway.database.pool.query(
    'SELECT frame, count(*)::int AS times FROM output WHERE frame IS NOT NULL GROUP BY frame',
  );
  expect(rows).toHaveLength(24);
  expect(rows.every(({ times }) => times === 1)).toBe(true);
  expect(await findFeedFaults(farm.gateway.database.pool)).toEqual([]);
});

it('cancels within two seconds, with everything that Blender started, and renders a requeued completed job again', {
  timeout: 180_000,
}, async () => {
  // A Blender with a child of its own, as a render engine or a license daemon may be.
  const { program } = await requireBlender();
  const wrapper = join(farm.folder, 'blender-with-child');
  await writeFile(
    wrapper,
    `#!/bin/sh\ncase "$*" in *--version*) exec ${program} "$@";; esac\nsleep ${UNIQUE} &\nexec ${program} "$@"\n`,
  );
  await chmod(wrapper, 0o755);
  await farm.startWorker('dana', ['--blender', wrapper]);
  const { id, output } = await farm.submit(scenes.slow, { frames: '1-2', chunkSize: 1, samples: 4096 });
  const programs = () => findProcessesIn(`sleep\u0000${UNIQUE}`);
  await until(async () => (await programs()).length > 0 && (await farm.read(id)).taskCounts.active === 1);

  await farm.ask('cancelJob', id);
  const asked = performance.now();
  await until(async () => (await programs()).length === 0 && (await findProcessesIn(scenes.slow)).length === 0);
  expect(performance.now() - asked).toBeLessThan(2000);
  const canceled = await farm.finish(id);
  expect(canceled).toMatchObject({ status: 'CANCELED', taskCounts: { total: 3, canceled: 3 } });
  expect(await readdir(output)).toEqual([]);

  const plain = await farm.submit(scenes.plain, { frames: '1-3', chunkSize: 1 });
  const done = await farm.finish(plain.id);
  expect(done.status).toBe('COMPLETED');
  await farm.ask('requeueJob', plain.id);
  const again = await farm.finish(plain.id);
  // Every task was completed, so every one is done again.
  expect(attemptsOf(again, 'blender')).toHaveLength(6);

  await farm.ask('requeueTask', again.tasks.nodes[1]!.id);
  const partly = await farm.finish(plain.id);
  expect(attemptsOf(partly, 'blender')).toHaveLength(7);
  expect(attemptsOf(partly, 'video')).toHaveLength(3);
  expect(await findFeedFaults(farm.gateway.database.pool)).toEqual([]);
});

it('renders after a cancel and a requeue only the frames that were not completed', { timeout: 120_000 }, async () => {
  await farm.startWorker('ella');
  const { id, output } = await farm.submit(scenes.brisk, { frames: '1-6', chunkSize: 1 });
  await until(async () => (await farm.read(id)).taskCounts.completed >= 2);
  await farm.ask('cancelJob', id);
  const canceled = await farm.finish(id);
  expect(canceled.status).toBe('CANCELED');
  const kept = await framesIn(output);
  expect(kept.length).toBe(canceled.taskCounts.completed);
  expect(kept.length).toBeLessThan(6);
  const written = async () => await Promise.all(kept.map(async (name) => (await stat(join(output, name))).mtimeMs));
  const before = await written();

  await farm.ask('requeueJob', id);
  const job = await farm.finish(id);
  expect(job.status).toBe('COMPLETED');
  expect(await framesIn(output)).toHaveLength(6);
  // The files of then are untouched, and no task was completed twice.
  expect(await written()).toEqual(before);
  expect(attemptsOf(job, 'blender').filter(({ outcome }) => outcome === 'COMPLETED')).toHaveLength(6);
  expect(await findFeedFaults(farm.gateway.database.pool)).toEqual([]);
});

describe('a failed attempt says what happened', () => {
  const once = { maxAttempts: 1 };
  const failure = async (id: string) => {
    const job = await farm.finish(id);
    expect(job.status).toBe('FAILED');
    const failed = attemptsOf(job, 'blender')[0]!.failure!;
    expect(job.error).toContain(failed.message.split('\n')[0]);
    return failed;
  };

  it('when Blender ends without an error and without a frame', { timeout: 60_000 }, async () => {
    await farm.startWorker('emil');
    const { id } = await farm.submit(scenes.denoised, { frames: '1' }, once);
    expect(await failure(id)).toMatchObject({ kind: 'NO_FRAME', message: expect.stringMatching(/denois/i) });
  });

  it('when the .blend is not there', { timeout: 60_000 }, async () => {
    await farm.startWorker('finn');
    const missing = join(farm.folder, 'missing.blend');
    const { id } = await farm.submit(missing, { frames: '1' }, once);
    expect(await failure(id)).toMatchObject({ kind: 'FILE_NOT_FOUND', message: expect.stringContaining(missing) });
  });

  it('when there is no Blender', { timeout: 60_000 }, async () => {
    await farm.startWorker('gina', ['--blender', join(farm.folder, 'no-blender'), '--task-types', 'blender,video']);
    const { id } = await farm.submit(scenes.plain, { frames: '1' }, once);
    expect(await failure(id)).toMatchObject({
      kind: 'PROGRAM_NOT_FOUND',
      message: expect.stringContaining('no-blender'),
    });
  });

  it("when Python fails in the scene's render", { timeout: 60_000 }, async () => {
    await farm.startWorker('hugo', ['--allow-autoexec']);
    const { id } = await farm.submit(scenes.broken, { frames: '1' }, once);
    expect(await failure(id)).toMatchObject({
      kind: 'SCRIPT_ERROR',
      message: expect.stringContaining('the rig is broken'),
    });
  });

  it('when the output folder cannot be made', { timeout: 60_000 }, async () => {
    await farm.startWorker('ines');
    const file = join(farm.folder, 'a-file');
    await mkdir(farm.folder, { recursive: true });
    await writeFile(file, '');
    const { id } = await farm.submit(scenes.plain, { frames: '1', outputPath: join(file, 'below', 'shot_####') }, once);
    expect((await failure(id)).message).toContain(file);
  });
});

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { findFeedFaults } from '../support/audit.ts';
import { makeScenes } from '../support/blender.ts';
import { beforeEachFrame, startMachine } from '../support/machines.ts';
import { attemptsOf, framesIn, RenderFarm, type RenderJob } from '../support/render-farm.ts';

/* What becomes of a frame that fails: real Blender, real worker processes. Frame 2 is the bad one. */

const TIME_LIMIT = { timeout: 120_000 };
const FRAMES = ['shot_0001.png', 'shot_0002.png', 'shot_0003.png', 'shot_0004.png'];
const settings = { frames: '1-4', chunkSize: 1 };

let farm: RenderFarm;
async function startFarm(options: { retryDelaySeconds: number }): Promise<void> {
  farm = await RenderFarm.start('failed-frames', options);
}
afterEach(async () => {
  expect(await findFeedFaults(farm.gateway.database.pool)).toEqual([]);
  await farm.close();
});

async function makeScene(script?: string): Promise<string> {
  const { scene } = await makeScenes(farm.folder, { scene: script ? { script: beforeEachFrame(script) } : {} });
  return scene;
}
const frame2 = (job: RenderJob) => job.tasks.nodes[1]!;
const video = (job: RenderJob) => job.tasks.nodes.find(({ type }) => type === 'video')!;
const videosIn = async (output: string) => (await readdir(output)).filter((name) => name.endsWith('.mp4'));

describe('a frame that fails', () => {
  it('on one worker is rendered by the other, and the job is completed', TIME_LIMIT, async () => {
    // Without any pause between its tries the worker that failed would be back first, if it did not leave the task alone.
    await startFarm({ retryDelaySeconds: 0 });
    const scene = await makeScene(`
if frame == 2 and not has('broken-machine'):
    note('broken-machine', MACHINE)
if frame == 2 and read('broken-machine') == MACHINE:
    raise RuntimeError('a plug-in is missing on ' + MACHINE)`);
    await Promise.all([startMachine(farm, 'anna'), startMachine(farm, 'bela')]);
    const { id, output } = await farm.submit(scene, settings);
    const job = await farm.finish(id);

    expect(job).toMatchObject({ status: 'COMPLETED', error: null, taskCounts: { total: 5, completed: 5 } });
    const [first, second, ...more] = frame2(job).attempts.nodes;
    expect(first).toMatchObject({ outcome: 'FAILED', failure: { kind: 'SCRIPT_ERROR' } });
    expect(first?.failure?.message).toContain(`a plug-in is missing on ${first?.worker.name}`);
    expect(second).toMatchObject({ outcome: 'COMPLETED', failure: null });
    expect([first?.worker.name, second?.worker.name].sort()).toEqual(['anna', 'bela']);
    expect(more).toEqual([]);
    expect(attemptsOf(job, 'blender')).toHaveLength(5);
    expect(await framesIn(output)).toEqual(FRAMES);
    expect(await videosIn(output)).toHaveLength(1);
  });

  it('on the only worker is tried again there after the back-off, which doubles', TIME_LIMIT, async () => {
    await startFarm({ retryDelaySeconds: 1 });
    const scene = await makeScene(`
if frame == 2 and len(lines('tries')) < 2:
    note('tries', MACHINE + '\\n')
    raise RuntimeError('the license server is away')`);
    await startMachine(farm, 'anna');
    const { id, output } = await farm.submit(scene, settings, { failureLimitPercent: 100 });
    const job = await farm.finish(id);

    expect(job).toMatchObject({ status: 'COMPLETED', taskCounts: { total: 5, completed: 5 } });
    const { nodes } = frame2(job).attempts;
    expect(nodes.map(({ outcome, worker }) => `${outcome} ${worker.name}`)).toEqual([
      'FAILED anna',
      'FAILED anna',
      'COMPLETED anna',
    ]);
    const pauses = nodes
      .slice(1)
      .map(({ startedAt }, index) => Date.parse(startedAt) - Date.parse(nodes[index]!.endedAt!));
    expect(pauses[0]).toBeGreaterThanOrEqual(1_000);
    expect(pauses[1]).toBeGreaterThanOrEqual(2_000);
    expect(await framesIn(output)).toEqual(FRAMES);
    expect(await videosIn(output)).toHaveLength(1);
  });

  it(
    'everywhere fails the job, whose other frames are completed; requeued in the mended scene it makes the video too',
    TIME_LIMIT,
    async () => {
      await startFarm({ retryDelaySeconds: 0 });
      const scene = await makeScene(`
if frame == 2:
    raise RuntimeError('the rig is broken')`);
      await Promise.all([startMachine(farm, 'anna'), startMachine(farm, 'bela')]);
      const { id, output } = await farm.submit(scene, settings, { failureLimitPercent: 100 });
      const failed = await farm.finish(id);

      expect(failed).toMatchObject({
        status: 'FAILED',
        error: expect.stringContaining('the rig is broken'),
        taskCounts: { total: 5, completed: 3, failed: 1, canceled: 1 },
      });
      expect(frame2(failed)).toMatchObject({ status: 'FAILED', failedAttempts: 3 });
      // Both have tried it.
      expect(new Set(frame2(failed).attempts.nodes.map(({ worker }) => worker.name))).toEqual(
        new Set(['anna', 'bela']),
      );
      expect(video(failed)).toMatchObject({ status: 'CANCELED', statusReason: 'DEPENDENCY_UNFINISHED' });
      expect(video(failed).attempts.nodes).toEqual([]);
      expect(await framesIn(output)).toEqual(FRAMES.filter((name) => name !== 'shot_0002.png'));
      expect(await videosIn(output)).toEqual([]);
      const written = () =>
        Promise.all([1, 3, 4].map(async (frame) => (await stat(join(output, `shot_000${frame}.png`))).mtimeMs));
      const before = await written();

      await makeScene();
      await farm.ask('requeueTask', frame2(failed).id);
      const mended = await farm.finish(id);
      expect(mended).toMatchObject({ status: 'COMPLETED', error: null, taskCounts: { total: 5, completed: 5 } });
      expect(frame2(mended).attempts.nodes.map(({ outcome }) => outcome)).toEqual([
        'FAILED',
        'FAILED',
        'FAILED',
        'COMPLETED',
      ]);
      expect(attemptsOf(mended, 'video').map(({ outcome }) => outcome)).toEqual(['COMPLETED']);
      expect(await framesIn(output)).toEqual(FRAMES);
      expect(await written()).toEqual(before);
      expect(await videosIn(output)).toHaveLength(1);
    },
  );
});

import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ProcessIdentity } from '../../src/system/process-identity.ts';
import { readRecords } from '../../src/worker/state-directory.ts';
import { findFeedFaults } from '../support/audit.ts';
import { makeScenes } from '../support/blender.ts';
import { storedId } from '../support/farm.ts';
import { readHistory } from '../support/history.ts';
import { beforeEachFrame, startMachine } from '../support/machines.ts';
import { readPng } from '../support/png.ts';
import { findGroup, until } from '../support/processes.ts';
import { framesIn, RenderFarm } from '../support/render-farm.ts';

/*
 * Programs that are halted (SIGSTOP) in the middle of a chunk: neither dead nor alive, as after a hang of a driver or the
 * sleep of a laptop. Each Blender stops before frame 2 until the test lets its machine go on.
 */

const TIME_LIMIT = { timeout: 120_000 };
const LEASE_SECONDS = 6;
const FRAMES = ['shot_0001.png', 'shot_0002.png', 'shot_0003.png', 'shot_0004.png'];
/** One task. */
const settings = { frames: '1-4', chunkSize: 4 };

let farm: RenderFarm;
let scene: string;
beforeEach(async () => {
  farm = await RenderFarm.start('silence', { leaseSeconds: LEASE_SECONDS, retryDelaySeconds: 0 });
  ({ scene } = await makeScenes(farm.folder, {
    scene: {
      script: beforeEachFrame(`
if frame == 2:
    note('reached-' + MACHINE, '.')
    while not has('go-' + MACHINE):
        time.sleep(0.02)`),
    },
  }));
});
afterEach(async () => {
  expect(await findFeedFaults(farm.gateway.database.pool)).toEqual([]);
  await farm.close();
});

const letGo = (machine: string) => writeFile(join(farm.folder, `go-${machine}`), '');
const untilFrame2 = (machine: string) => until(async () => (await readdir(farm.folder)).includes(`reached-${machine}`));
/** The task's status and how its attempts ended, as `COMPLETED: anna LOST, bela COMPLETED`. */
async function describeTask(id: string): Promise<string> {
  const { status, attempts } = (await farm.read(id)).tasks.nodes[0]!;
  return `${status}: ${attempts.nodes.map(({ worker, outcome }) => `${worker.name} ${outcome}`).join(', ')}`;
}
const attemptFolders = async (output: string) => (await readdir(output)).filter((name) => name.startsWith('.tablao-'));
/** Which machine rendered each frame, out of the files themselves: throws where one is not whole. */
async function whoRendered(output: string): Promise<string[]> {
  const frames = await framesIn(output);
  const images = await Promise.all(frames.map((name) => readPng(join(output, name))));
  return images.map(({ texts }) => texts.get('Note') ?? 'nobody');
}
/** The frames, the video, and nothing else. */
async function expectDone(id: string, output: string): Promise<void> {
  expect(await farm.finish(id)).toMatchObject({ status: 'COMPLETED', frameCounts: { done: 4 } });
  expect(await framesIn(output)).toEqual(FRAMES);
  expect(await readdir(output)).toHaveLength(FRAMES.length + 1);
}

describe('a Blender that hangs', () => {
  it(
    'is ended with all its children when it gives no output for noOutputTimeoutSeconds, and its task is tried again',
    TIME_LIMIT,
    async () => {
      await startMachine(farm, 'anna');
      const { id, output } = await farm.submit(scene, settings, { noOutputTimeoutSeconds: 10 });
      await untilFrame2('anna');
      const [blender] = readRecords(join(farm.folder, 'anna', 'programs')).map(({ value }) => value as ProcessIdentity);
      process.kill(-blender!.pid, 'SIGSTOP');
      expect(await findGroup(blender!.pid)).toContain(blender!.pid);
      await letGo('anna'); // which it cannot hear

      await until(async () => (await findGroup(blender!.pid)).length === 0);
      await expectDone(id, output);
      expect(await describeTask(id)).toBe('COMPLETED: anna TIMED_OUT, anna COMPLETED');
      const [first] = (await farm.read(id)).tasks.nodes[0]!.attempts.nodes;
      expect(first?.failure).toEqual({
        kind: 'TIMED_OUT',
        message: 'The task gave no output for 10 s (noOutputTimeoutSeconds).',
      });
      expect(await whoRendered(output)).toEqual(Array(4).fill('rendered by anna'));
    },
  );
});

describe('a worker that is halted for longer than its lease', () => {
  /** Halts anna in the middle of its chunk: its Blender goes on, and nobody puts the next frame into place. */
  async function haltAnna() {
    const anna = await startMachine(farm, 'anna');
    const { id, output } = await farm.submit(scene, settings);
    await untilFrame2('anna');
    await until(async () => (await framesIn(output)).length === 1);
    anna.child.kill('SIGSTOP');
    await until(async () => (await describeTask(id)) === 'SOFT_FAILED: anna LOST');
    const [folder] = await attemptFolders(output);
    await letGo('anna');
    const isWhole = () => readPng(join(output, folder!, 'shot_0002.png')).then(Boolean, () => false);
    await until(isWhole);
    expect(await framesIn(output)).toEqual(['shot_0001.png']);
    return { anna, id, output, folder: folder! };
  }

  it('goes on where it was when nobody else has taken its task', TIME_LIMIT, async () => {
    const { anna, id, output } = await haltAnna();
    anna.child.kill('SIGCONT');
    await expectDone(id, output);
    expect(await describeTask(id)).toBe('COMPLETED: anna COMPLETED');
    expect((await farm.read(id)).tasks.nodes[0]).toMatchObject({ failedAttempts: 0 });
    const history = await readHistory(farm.gateway.database.pool, storedId(id));
    const reasons = history.filter(({ what }) => what.startsWith('render')).map(({ reason }) => reason);
    expect(reasons).toEqual(['CLAIMED', 'WORKER_LOST', 'ATTEMPT_RESUMED', 'ATTEMPT_RESUMED', 'FINISHED']);
    expect(await whoRendered(output)).toEqual(Array(4).fill('rendered by anna'));
  });

  it('drops its work when another one has its task: each frame is of that one, and whole', TIME_LIMIT, async () => {
    const { anna, id, output, folder } = await haltAnna();
    await startMachine(farm, 'bela');
    await untilFrame2('bela');
    await until(async () => (await whoRendered(output)).join() === 'rendered by bela');
    anna.child.kill('SIGCONT');
    await until(async () => !(await attemptFolders(output)).includes(folder));
    // It had a finished frame, and did not put it into place.
    expect(await framesIn(output)).toEqual(['shot_0001.png']);
    expect(await describeTask(id)).toBe('ACTIVE: anna LOST, bela null');

    await letGo('bela');
    await expectDone(id, output);
    expect(await describeTask(id)).toBe('COMPLETED: anna LOST, bela COMPLETED');
    expect(await whoRendered(output)).toEqual(Array(4).fill('rendered by bela'));
  });
});

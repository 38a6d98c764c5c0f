import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeScenes, makeTestFolder, requireBlender } from '../support/blender.ts';
import { startProgram } from '../support/worker-process.ts';

const FRAMES = 240;
/** How much a frame does, so that it takes about 0.1 s on two cores. */
const SCENE =
  'scene.frame_end = 240\nscene.render.resolution_x, scene.render.resolution_y, scene.cycles.samples = 160, 90, 24';
const LOOK_EVERY_MS = 50;

/**
 * Frames per minute of a whole farm (a gateway with its database and one worker, each a process of its own) until the last
 * frame is in its place, beside `blender -a` on the same file in the same run.
 */
export async function run(): Promise<void> {
  const { path: folder, remove } = await makeTestFolder('bench');
  try {
    const { program, version } = await requireBlender();
    const { scene } = await makeScenes(folder, { scene: { python: SCENE } });
    console.log(`${FRAMES} frames, Blender ${version}, one worker`);
    // Turn by turn, so that a machine that grows slower does so for both.
    const floor = [await timeBlender(program, scene, join(folder, 'floor-1'))];
    const farm = new Map<number, number[]>();
    for (const chunkSize of [1, 10])
      farm.set(chunkSize, [await timeFarm(scene, join(folder, `chunk-${chunkSize}`), chunkSize)]);
    floor.push(await timeBlender(program, scene, join(folder, 'floor-2')));
    const best = Math.min(...floor);
    print('blender -a', best, best);
    for (const [chunkSize, seconds] of farm) print(`chunks of ${chunkSize}`, Math.min(...seconds), best);
  } finally {
    await remove();
  }
}

function print(name: string, seconds: number, floor: number): void {
  const perMinute = Math.round((FRAMES / seconds) * 60);
  console.log(
    `${name.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s  ${String(perMinute).padStart(5)} frames/min  ${Math.round((floor / seconds) * 100)} %`,
  );
}

async function timeBlender(program: string, scene: string, output: string): Promise<number> {
  const start = performance.now();
  const blender = spawn(program, ['--background', scene, '--render-output', join(output, 'f_####'), '--render-anim'], {
    stdio: 'ignore',
  });
  await new Promise((resolve) => blender.once('exit', resolve));
  const seconds = (performance.now() - start) / 1000;
  const { length } = await readdir(output);
  if (length !== FRAMES) throw new Error(`Blender alone rendered ${length} of ${FRAMES} frames.`);
  return seconds;
}

async function timeFarm(scene: string, folder: string, chunkSize: number): Promise<number> {
  const gateway = startProgram(['serve', '--port', '0', '--data-dir', join(folder, 'data')], folder, 'serve');
  try {
    const url = await waitFor(() => /http:\/\/127\.0\.0\.1:\d+/.exec(gateway.output())?.[0]);
    const ask = async <Data>(query: string, variables: object = {}): Promise<Data> => {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
      });
      return ((await response.json()) as { data: Data }).data;
    };
    await waitFor(async () =>
      (await ask<{ workers: { nodes: { status: string }[] } }>('{ workers { nodes { status } } }')).workers.nodes.find(
        ({ status }) => status === 'AWAKE',
      ),
    );
    const output = join(folder, 'frames', 'f_####');
    const start = performance.now();
    const { submitJob } = await ask<{ submitJob: { job: { id: string } } }>(
      'mutation ($settings: JSON!) { submitJob(input: { type: "simple-blender-render", name: "bench", settings: $settings }) { ... on SubmitJobSuccess { job { id } } } }',
      { settings: { blendFile: scene, frames: `1-${FRAMES}`, chunkSize, outputPath: output } },
    );
    await waitFor(async () => {
      const { job } = await ask<{ job: { frameCounts: { done: number } } }>(
        'query ($id: ID!) { job(id: $id) { frameCounts { done } } }',
        { id: submitJob.job.id },
      );
      return job.frameCounts.done === FRAMES || undefined;
    });
    return (performance.now() - start) / 1000;
  } finally {
    await gateway.kill();
  }
}

async function waitFor<Value>(look: () => Value | undefined | Promise<Value | undefined>): Promise<Value> {
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    await delay(LOOK_EVERY_MS);
  }
}

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runWorker } from '../../src/worker/worker.ts';
import { makeScenes, makeTestFolder } from '../support/blender.ts';
import { silentLogger } from '../support/command-context.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { describeJpeg, readExrChannels } from '../support/picture.ts';
import { readBlocks } from '../support/readme.ts';

/* Blender, worker and gateway together: each finished frame can be seen. */

const SIDE = `
scene.render.resolution_x, scene.render.resolution_y = 640, 360
`;
let folder: Awaited<ReturnType<typeof makeTestFolder>>;
let gateway: TestGateway;
let scenes: Record<'plain' | 'deep' | 'bright', string>;
const stop = new AbortController();
let working: Promise<unknown>;

beforeAll(async () => {
  folder = await makeTestFolder('pictures');
  scenes = await makeScenes(folder.path, {
    plain: { python: SIDE },
    deep: {
      python: `${SIDE}
scene.render.image_settings.file_format = 'OPEN_EXR'
scene.render.image_settings.color_mode = 'RGBA'
scene.render.image_settings.color_depth = '32'
`,
    },
    bright: { python: `${SIDE}\nscene.view_settings.exposure = 2` },
  });
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

interface JobView {
  readonly status: string;
  readonly error: string | null;
  readonly latestFrame: { readonly number: number; readonly imageUrl: string | null } | null;
  readonly frames: {
    readonly nodes: {
      readonly status: string;
      readonly imageUrl: string | null;
      readonly renderSeconds: number | null;
    }[];
  };
}
const JOB = `query ($id: ID!) { job(id: $id) { status error latestFrame { number imageUrl } frames { nodes { status imageUrl renderSeconds } } } }`;

/** Renders frames and waits until each has its picture, which may come a little after the job's end. */
async function render(name: string, settings: Record<string, unknown>) {
  const outputPath = join(folder.path, name, 'shot_####');
  const { submitJob } = await gateway.run<{ submitJob: { job: { id: string } } }>(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { ... on SubmitJobSuccess { job { id } } ... on Error { message } } }',
    {
      input: {
        type: 'simple-blender-render',
        name,
        settings: { frames: '1-2', chunkSize: 2, outputPath, ...settings },
      },
    },
  );
  const { id } = submitJob.job;
  for (;;) {
    const { job } = await gateway.run<{ job: JobView }>(JOB, { id });
    if (job.status === 'FAILED') throw new Error(job.error ?? 'It failed.');
    const urls = job.frames.nodes.map(({ imageUrl }) => imageUrl);
    if (job.status === 'COMPLETED' && !urls.includes(null))
      return { id, job, pictures: await Promise.all(urls.map(download)) };
    await sleep(50);
  }
}

async function download(path: string | null): Promise<Buffer> {
  const response = await fetch(gateway.url + path);
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

describe('the picture of a frame', { timeout: 60_000 }, () => {
  it.each(['PNG', 'JPEG', 'TIFF', 'WEBP', 'OPEN_EXR'])(
    'is made of %s, small and in the scene’s colours',
    async (format) => {
      const { id, job, pictures } = await render(format, { blendFile: scenes.plain, format });
      const reference = await referencePicture();
      for (const jpeg of pictures) {
        const picture = await describeJpeg(jpeg);
        expect(picture).toMatchObject({ format: 'jpeg', width: 320, height: 180 });
        expect(jpeg.length).toBeLessThan(30_000);
        for (const [channel, mean] of picture.means.entries())
          expect(Math.abs(mean - reference.means[channel]!)).toBeLessThan(5);
      }
      expect(pictures[0]!.equals(pictures[1]!)).toBe(false);
      expect(job.frames.nodes.every(({ status, renderSeconds }) => status === 'COMPLETED' && renderSeconds! > 0)).toBe(
        true,
      );
      expect(job.latestFrame).toMatchObject({ number: 2, imageUrl: job.frames.nodes[1]!.imageUrl });
      expect(await download(`/frames/${encodeURIComponent(id)}/latest.jpg`)).toEqual(pictures[1]);
      expect(readdirSync(join(folder.path, format))).toHaveLength(3);
    },
  );

  it('of an EXR is shown as the scene shows it: with its exposure', async () => {
    const plain = await describeJpeg(
      (await render('exr-plain', { blendFile: scenes.plain, format: 'OPEN_EXR' })).pictures[0]!,
    );
    const bright = await describeJpeg(
      (await render('exr-bright', { blendFile: scenes.bright, format: 'OPEN_EXR' })).pictures[0]!,
    );
    expect(bright.means[0]! - plain.means[0]!).toBeGreaterThan(30);
  });

  it('leaves the frames after it as they would be: an EXR stays as deep as the scene has it', async () => {
    await render('deep', { blendFile: scenes.deep, format: 'OPEN_EXR' });
    const channels = [1, 2].map((frame) => readExrChannels(join(folder.path, 'deep', `shot_000${frame}.exr`)));
    expect(channels[0]).toEqual({ A: 'FLOAT', B: 'FLOAT', G: 'FLOAT', R: 'FLOAT' });
    expect(channels[1]).toEqual(channels[0]);
  });
});

describe("the README's operations", { timeout: 60_000 }, () => {
  it('show frames with their pictures, and render some of them again', async () => {
    const [query, mutation] = readBlocks('Frames and pictures', 'graphql');
    const { id, pictures } = await render('readme', { blendFile: scenes.plain, frames: '57-62', chunkSize: 1 });
    const shown = await gateway.run<{ jobs: { nodes: JobView[] } }>(query!);
    expect(shown.jobs.nodes[0]).toMatchObject({ frameCounts: { total: 6, done: 6 }, latestFrame: { number: 62 } });
    const { nodes } = shown.jobs.nodes[0]!.frames;
    expect(await Promise.all(nodes.map(({ imageUrl }) => download(imageUrl)))).toEqual(pictures);

    const { requeueFrames } = await gateway.run(mutation!.replace('JOB', id));
    expect(requeueFrames).toEqual({
      tasks: [57, 60, 61, 62].map((frame) => ({ name: `render ${frame}`, status: 'QUEUED' })),
    });
    let status = '';
    while (status !== 'COMPLETED') {
      await sleep(50);
      status = (await gateway.run<{ job: JobView }>(JOB, { id })).job.status;
    }
  });
});

let reference: ReturnType<typeof describeJpeg> | undefined;
/** What the scene looks like, once: as a PNG, which holds the colours that the scene shows. */
function referencePicture(): ReturnType<typeof describeJpeg> {
  reference ??= render('reference', { blendFile: scenes.plain }).then(({ pictures }) => describeJpeg(pictures[0]!));
  return reference;
}

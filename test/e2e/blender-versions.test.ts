import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blenderRender } from '../../src/worker/commands/blender-render.ts';
import { findBlender } from '../../src/worker/find-blender.ts';
import { runWorker } from '../../src/worker/worker.ts';
import { makeScenes, makeTestFolder } from '../support/blender.ts';
import { INSTALL_MS, provideBlender, runInBlender, TEST_BLENDERS, type TestBlender } from '../support/blenders.ts';
import { openBench, silentLogger } from '../support/command-context.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { describeJpeg, readExrChannels } from '../support/picture.ts';

/** An EXR of 32 bits a channel. */
const DEEP = `
settings = scene.render.image_settings
if hasattr(settings, 'media_type'):
    settings.media_type = 'IMAGE'
settings.file_format, settings.color_mode, settings.color_depth = 'OPEN_EXR', 'RGBA', '32'
`;
const SUBMIT = `mutation ($input: SubmitJobInput!) { submitJob(input: $input) {
  ... on SubmitJobSuccess { job { id } } ... on Error { message } } }`;
const JOB = `query ($id: ID!) { job(id: $id) { status error tasks { nodes { failedAttempts } } } }`;

describe.each(TEST_BLENDERS)('Blender %s', (name) => {
  let blender: TestBlender;
  let folder: Awaited<ReturnType<typeof makeTestFolder>>;
  let gateway: TestGateway;

  beforeAll(async () => {
    blender = await provideBlender(name);
    folder = await makeTestFolder('versions');
    gateway = await startTestGateway();
  }, INSTALL_MS);

  afterAll(async () => {
    await gateway?.close();
    await folder?.remove();
  });

  it('answers a worker that asks for its version', async () => {
    expect(await findBlender(blender.program)).toEqual(blender);
  });

  it('renders a job for a worker', { timeout: 120_000 }, async () => {
    const { scene: blendFile } = await makeScenes(folder.path, { scene: {} }, blender);
    const stop = new AbortController();
    const working = runWorker(
      {
        gateway: gateway.url,
        name,
        version: '0',
        tags: [],
        blenders: [blender.program],
        stateDir: join(folder.path, 'state'),
      },
      { logger: silentLogger, signal: stop.signal },
    );
    try {
      const settings = { blendFile, frames: '7-8', outputPath: join(folder.path, 'out', 'shot_####') };
      const { submitJob } = await gateway.run<{ submitJob: { job: { id: string } } }>(SUBMIT, {
        input: { type: 'simple-blender-render', name: 'one frame', settings },
      });
      let job: { status: string; tasks: { nodes: { failedAttempts: number }[] } };
      do {
        await sleep(50);
        ({ job } = await gateway.run(JOB, { id: submitJob.job.id }));
      } while (['QUEUED', 'ACTIVE'].includes(job.status));
      expect(job).toMatchObject({ status: 'COMPLETED', error: null });
      expect(job.tasks.nodes.map(({ failedAttempts }) => failedAttempts)).toEqual([0, 0, 0]);
      expect(readdirSync(join(folder.path, 'out')).sort()).toEqual([
        'shot_0007.png',
        'shot_0008.png',
        'shot_7-8-preview.mp4',
      ]);
    } finally {
      stop.abort();
      await working;
    }
  });

  it('makes a picture of an EXR, and leaves the next frame as deep as it was', { timeout: 120_000 }, async () => {
    const { lit: blendFile } = await makeScenes(folder.path, { lit: { python: DEEP } }, blender);
    const bench = await openBench(folder.path, { blenders: [blender] });
    try {
      const output = join(folder.path, 'exr', 'shot_####');
      await blenderRender({ blendFile, frames: '1-2', output, format: 'OPEN_EXR' }, bench.context());
      expect(bench.shown.map(({ frame }) => frame)).toEqual([1, 2]);
      for (const { source } of bench.shown) {
        const { width, height, means } = await describeJpeg(source as Buffer);
        expect([width, height]).toEqual([64, 36]);
        expect(means.every((mean) => mean > 20 && mean < 235)).toBe(true);
      }
      const types = [1, 2].map((frame) =>
        Object.values(readExrChannels(join(folder.path, 'exr', `shot_000${frame}.exr`))),
      );
      expect(types).toEqual([Array(4).fill('FLOAT'), Array(4).fill('FLOAT')]);
    } finally {
      await bench.close();
    }
  });

  it('runs a script with what it was given, and says when the script fails', { timeout: 60_000 }, async () => {
    const script = 'import os, sys\nprint(sys.argv[sys.argv.index("--") + 1 :], os.environ["GIVEN"])';
    const { stdout } = await runInBlender(blender, script, { args: ['a b', '-c'], environment: { GIVEN: 'so' } });
    expect(stdout).toContain("['a b', '-c'] so");
    await expect(runInBlender(blender, 'print("before")\nraise KeyError("no such rig")')).rejects.toThrow(
      /ended with 1:\n.*before.*no such rig/s,
    );
  });
});

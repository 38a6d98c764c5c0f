import { copyFile, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readBlendVersion } from '../../src/cli/blend-version.ts';
import { blenderRender } from '../../src/worker/commands/blender-render.ts';
import { makeScenes, requireBlender, type SceneRecipe } from '../support/blender.ts';
import { INSTALL_MS, provideBlender, runInBlender, TEST_BLENDERS, type TestBlender } from '../support/blenders.ts';
import { openBench } from '../support/command-context.ts';
import { runCommand } from '../support/command-line.ts';
import { attemptsOf, framesIn, RenderFarm } from '../support/render-farm.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

/** Says in the log which Blender renders it, and on what. */
const TALKING: SceneRecipe = {
  python: "scene.cycles.device = 'GPU'",
  script: `
import bpy
def say(scene, *_):
    print('RENDERED BY', '.'.join(map(str, bpy.app.version)), 'ON', scene.cycles.device)
bpy.app.handlers.render_pre.append(say)
`,
};

let farm: RenderFarm;
let old: TestBlender;
let recent: TestBlender;
let scene: string;

beforeAll(async () => {
  [old, recent] = await Promise.all([requireBlender(), provideBlender('4.5')]);
  farm = await RenderFarm.start('fit');
  ({ talking: scene } = await makeScenes(farm.folder, { talking: TALKING }));
}, INSTALL_MS);
afterEach(() => farm.endWorkers());
afterAll(() => farm.close());

const WAITING = 'query ($id: ID!) { job(id: $id) { waitingFor waitingNotes } }';

/** Which Blenders rendered a job, by its logs. */
async function renderers(id: string): Promise<string[]> {
  const { job } = await farm.gateway.run<{
    job: { tasks: { nodes: { type: string; attempts: { nodes: { logUrl: string }[] } }[] } };
  }>(
    'query ($id: ID!) { job(id: $id) { tasks(first: 10) { nodes { type attempts(first: 5) { nodes { logUrl } } } } } }',
    {
      id,
    },
  );
  const logs = job.tasks.nodes.filter(({ type }) => type === 'blender').flatMap(({ attempts }) => attempts.nodes);
  const texts = await Promise.all(
    logs.map(async ({ logUrl }) => (await fetch(new URL(logUrl, farm.gateway.url))).text()),
  );
  return [...new Set(texts.flatMap((text) => [...text.matchAll(/RENDERED BY (\S+)/g)].map(([, version]) => version!)))];
}

describe('a worker with several Blenders', () => {
  it('takes the version that a job names, for each chunk, and its first one for a job that names none', {
    timeout: 120_000,
  }, async () => {
    const blenders = ['--blender', old.program, '--blender', recent.program, '--blender', '/no/blender'];
    const program = await farm.startWorker('both', [...blenders, '--allow-autoexec']);
    const { workers } = await farm.gateway.run<{ workers: { nodes: Record<string, unknown>[] } }>(
      '{ workers { nodes { blenderVersions offers devices { type } } } }',
    );
    expect(workers.nodes[0]).toMatchObject({
      blenderVersions: [old.version, recent.version],
      offers: expect.arrayContaining([`blender:${recent.version}`, 'blender:4.5', 'engine:CYCLES']),
      devices: [{ type: 'CPU' }],
    });
    expect(workers.nodes[0]?.offers, 'what only one of them has').not.toContain('engine:BLENDER_EEVEE_NEXT');
    expect(program.output()).toMatch(/\/no\/blender.* is not there\): this worker goes on with the others/);

    const settings = { frames: '1-4', chunkSize: 2 };
    const jobs = [
      await farm.submit(scene, { ...settings, blenderVersion: '4.5' }),
      await farm.submit(scene, { ...settings, blenderVersion: old.version }),
      await farm.submit(scene, settings),
    ];
    for (const { id } of jobs) expect(await farm.finish(id)).toMatchObject({ status: 'COMPLETED', error: null });
    const rendered = await Promise.all(jobs.map(({ id }) => renderers(id)));
    expect(rendered).toEqual([[recent.version], [old.version], [old.version]]);
  });
});

describe('a job that names a version', () => {
  it('waits, and says for what, until a worker that has it signs on', { timeout: 120_000 }, async () => {
    await farm.startWorker('old', ['--blender', old.program]);
    const { id } = await farm.submit(scene, { frames: '1-2', blenderVersion: '4.5' });
    const { job } = await farm.gateway.run<{ job: unknown }>(WAITING, { id });
    expect(job).toEqual({
      waitingFor: ['NO_CAPABLE_WORKER'],
      waitingNotes: [`No worker that is awake has Blender 4.5. There is Blender ${old.version}.`],
    });
    await farm.startWorker('recent', ['--blender', recent.program]);
    const ended = await farm.finish(id);
    expect(ended.status).toBe('COMPLETED');
    expect(attemptsOf(ended, 'blender').map(({ worker }) => worker.name)).toEqual(['recent']);
  });
});

describe('the version that saved a .blend', () => {
  it.each(TEST_BLENDERS)('is read from its header, compressed or not: %s', { timeout: INSTALL_MS }, async (name) => {
    const blender = await provideBlender(name);
    const paths = ['plain', 'packed'].map((file) => join(farm.folder, `${file}-${name}.blend`));
    const script = `
import bpy
for path, compress in zip(${JSON.stringify(paths)}, (False, True)):
    bpy.ops.wm.save_as_mainfile(filepath=path, compress=compress)
`;
    await runInBlender(blender, script);
    const version = blender.version.split('.').slice(0, 2).join('.');
    expect(await Promise.all(paths.map(readBlendVersion))).toEqual([version, version]);
  });

  it('is unknown of what is no .blend, or the beginning of one', async () => {
    const noFiles = [
      '',
      'x',
      'BLENDER',
      'BLENDER-v',
      '\x28\xb5\x2f\xfd',
      '\x28\xb5\x2f\xfdBLENDER-v304',
      '\x1f\x8b\x08\x00',
    ];
    for (const content of noFiles) {
      const path = join(farm.folder, 'no.blend');
      await writeFile(path, content, 'latin1');
      expect([content, await readBlendVersion(path)]).toEqual([content, null]);
    }
  });
});

describe('two workers that see a folder under different paths', () => {
  it('render one job there together, and name what they made so that both find it', { timeout: 120_000 }, async () => {
    const share = join(farm.folder, 'share');
    await mkdir(join(share, 'shots'), { recursive: true });
    await copyFile(scene, join(share, 'shots', 'a.blend'));
    for (const name of ['east', 'west']) {
      await symlink(share, join(farm.folder, `seen-from-${name}`));
      const root = ['--root', `proj=${join(farm.folder, `seen-from-${name}`)}`];
      await farm.startWorker(name, [...root, '--blender', old.program, '--blender', recent.program]);
    }
    const args = ['submit', 'share/shots/a.blend', '--root', 'proj=share', '--frames', '1-12', '--json'];
    const set = ['--set', 'blenderVersion=file', '--set', 'samples=64'];
    const gateway = ['--gateway', farm.gateway.url];
    const submitted = await runCommand([...args, ...set, ...gateway], { cwd: farm.folder });
    expect(submitted).toMatchObject({ exitCode: 0, stderr: '' });
    const { id } = (JSON.parse(submitted.stdout) as { job: { id: string } }).job;
    const ended = await farm.finish(id);
    expect(ended).toMatchObject({ status: 'COMPLETED', error: null });
    const names = new Set(attemptsOf(ended, 'blender').map(({ worker }) => worker.name));
    expect([...names].sort()).toEqual(['east', 'west']);

    const { job } = await farm.gateway.run<{ job: { settings: object; files: object[]; frames: { nodes: object[] } } }>(
      'query ($id: ID!) { job(id: $id) { settings files { path } frames(first: 100) { nodes { number path } } } }',
      { id },
    );
    expect(job.settings).toMatchObject({
      blendFile: 'proj:shots/a.blend',
      outputPath: 'proj:shots/render/a/a_######',
      blenderVersion: old.version.split('.').slice(0, 2).join('.'),
    });
    expect(job.files).toEqual([{ path: 'proj:shots/a.blend' }]);
    const framePath = (number: number) => `proj:shots/render/a/a_${String(number).padStart(6, '0')}.png`;
    expect(job.frames.nodes).toEqual(
      Array.from({ length: 12 }, (_, index) => ({ number: index + 1, path: framePath(index + 1) })),
    );
    const { rows } = await farm.gateway.database.pool.query<{ path: string }>(
      'SELECT path FROM output WHERE frame IS NOT NULL',
    );
    expect(rows.filter(({ path }) => path.includes(share) || path.includes('seen-from'))).toEqual([]);
    expect(await framesIn(join(share, 'shots', 'render', 'a'))).toHaveLength(12);
    expect(await readdir(join(share, 'shots', 'render', 'a'))).toContain('a_1-12-preview.mp4');
  });

  it('a worker whose root is not there does not start', async () => {
    const worker = startWorkerProcess(farm.gateway.url, farm.folder, 'rootless', ['--root', 'proj=/no/such/folder']);
    expect(await worker.ended).toBe(1);
    expect(worker.output()).toContain('--root proj=/no/such/folder: there is no such folder.');
  });
});

describe('--cycles-device', () => {
  it('CPU renders on the processor what the file wants on a card', async () => {
    const bench = await openBench(farm.folder, { cyclesDevice: 'CPU', allowAutoexec: true });
    const context = bench.context();
    const output = join(farm.folder, 'cpu', 'shot_####');
    await blenderRender({ blendFile: scene, frames: '1', output, format: 'PNG' }, context);
    expect(context.log.tail()).toContain('ON CPU');
    await bench.close();
  });

  // No machine of the tests has such a card: Metal is never there on Linux, HIP only with AMD's driver.
  it('that is not there keeps a worker from starting, and says what is there', async () => {
    const args = ['--cycles-device', 'METAL', '--blender', old.program];
    const worker = startWorkerProcess(farm.gateway.url, farm.folder, 'cardless', args);
    expect(await worker.ended).toBe(1);
    expect(worker.output()).toMatch(
      new RegExp(
        `--cycles-device METAL: Blender ${old.version} \\(.*\\) finds no such device on this machine; it finds CPU \\(.+\\)\\.`,
      ),
    );
  });

  it('that is gone later fails the attempt, and says what is there', async () => {
    const bench = await openBench(farm.folder, { cyclesDevice: 'METAL' });
    const output = join(farm.folder, 'metal', 'shot_####');
    const rendering = blenderRender({ blendFile: scene, frames: '1', output, format: 'PNG' }, bench.context());
    await expect(rendering).rejects.toThrow(/--cycles-device METAL, and no such device is there.*CPU \(.+\)/);
    expect(await framesIn(join(farm.folder, 'metal'))).toEqual([]);
    await bench.close();
  });

  it('takes only what Cycles knows', async () => {
    const worker = startWorkerProcess(farm.gateway.url, farm.folder, 'typo', ['--cycles-device', 'CUDAA']);
    expect(await worker.ended).toBe(2);
    expect(worker.output()).toContain('CPU, CUDA, OPTIX, HIP, METAL, ONEAPI');
  });
});

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttemptFailure } from '../../src/worker/attempt-failure.ts';
import { blenderRender } from '../../src/worker/commands/blender-render.ts';
import type { CommandContext } from '../../src/worker/commands/command-context.ts';
import { verifyFile } from '../../src/worker/frame-file.ts';
import { makeScenes, makeTestFolder } from '../support/blender.ts';
import { type Bench, makeAssignment, openBench } from '../support/command-context.ts';

let folder: Awaited<ReturnType<typeof makeTestFolder>>;
let bench: Bench;
let scriptBench: Bench;
let scenes: Record<'plain' | 'denoised' | 'handler' | 'many' | 'cameraless', string>;

beforeAll(async () => {
  folder = await makeTestFolder('render');
  scenes = await makeScenes(folder.path, {
    plain: {},
    denoised: { python: 'scene.cycles.use_denoising = True' },
    handler: {
      script: `
import bpy
def on_frame(scene, *_):
    print('MARK', scene.frame_current)
    if scene.frame_current == 3:
        raise KeyError('no such rig')
bpy.app.handlers.frame_change_pre.append(on_frame)
`,
    },
    many: {
      python: `
scene.name = 'Main'
bpy.data.scenes.new('Close-up')
camera = bpy.data.objects.new('Second', bpy.data.cameras.new('Second'))
scene.collection.objects.link(camera)
scene.timeline_markers.new('cut', frame=1).camera = scene.camera
`,
    },
    cameraless: { python: 'scene.camera = None' },
  });
  bench = await openBench(folder.path);
  scriptBench = await openBench(join(folder.path), { allowAutoexec: true });
}, 60_000);

afterAll(async () => {
  await bench?.close();
  await scriptBench?.close();
  await folder?.remove();
});

function parameters(name: string, changes: Record<string, unknown> = {}) {
  const output = join(folder.path, name, 'shot_####');
  return { blendFile: scenes.plain, frames: '1-2', output, format: 'PNG', skipExisting: false, ...changes };
}

async function failureOf(promise: Promise<unknown>): Promise<AttemptFailure> {
  return await promise.then(
    () => expect.fail('it should have failed'),
    (error) => error,
  );
}

describe('blender-render', () => {
  it('renders exactly the frames that were asked for, negative ones too, and leaves nothing else behind', async () => {
    const outputs = await blenderRender(parameters('exact', { frames: '-3,0,5' }), bench.context());
    const names = ['shot_-0003.png', 'shot_0000.png', 'shot_0005.png'];
    expect(readdirSync(join(folder.path, 'exact')).sort()).toEqual(names);
    expect(outputs.map(({ frame }) => frame)).toEqual([-3, 0, 5]);
    for (const { frame, path, bytes, renderSeconds } of outputs) {
      expect(bytes).toBe(statSync(path).size);
      expect(renderSeconds).toBeGreaterThan(0);
      const text = readFileSync(path, 'latin1'); // Blender notes the frame in the file itself
      expect(Number(/Frame\0(-?\d+)/.exec(text)?.[1])).toBe(frame);
    }
  });

  it('keeps Blender open for the next chunk of the same job, and says how far it is', async () => {
    const pids = new Set<number | undefined>();
    const seen = spyOnPids(bench, pids);
    await blenderRender(parameters('kept'), seen);
    await blenderRender(parameters('kept', { frames: '3-4' }), seen);
    expect(readdirSync(join(folder.path, 'kept'))).toHaveLength(4);
    expect(pids.size).toBe(1);
    const fractions = bench.progress.slice(-8).map(({ fraction }) => fraction);
    expect(fractions.at(-1)).toBe(1);
    expect(bench.progress.map(({ activity }) => activity)).toContain('rendering frame 4, sample 1 of 1');
  });

  it.each([
    ['other settings', { resolutionPercent: 50 }, {}],
    ['another attempt at the same task', {}, { attempt: { id: 'again', number: 2 } }],
    ['a job that asks for a fresh one', { freshBlender: true }, {}],
  ])('opens a new Blender for %s', async (_, changes, assignment) => {
    const pids = new Set<number | undefined>();
    await blenderRender(parameters('new'), spyOnPids(bench, pids));
    const context = spyOnPids(bench, pids, { assignment: makeAssignment(assignment) });
    await blenderRender(parameters('new', changes), context);
    expect(pids.size).toBe(2);
  });

  it.each(['JPEG', 'OPEN_EXR', 'TIFF', 'WEBP'] as const)('writes whole %s files', async (format) => {
    const [output] = await blenderRender(parameters(format, { format, frames: '7' }), bench.context());
    const path = output?.path ?? '';
    await expect(verifyFile(path, format)).resolves.toBe(output?.bytes);
    const torn = join(folder.path, format, 'torn');
    const bytes = readFileSync(path);
    writeFileSync(torn, bytes.subarray(0, bytes.length - 20));
    await expect(verifyFile(torn, format)).rejects.toMatchObject({ kind: 'BAD_FRAME' });
  });

  it('takes scene, camera and view layer by name, and names what there is when one is missing', async () => {
    const chosen = { blendFile: scenes.many, frames: '1', scene: 'Main', camera: 'Second', viewLayer: 'ViewLayer' };
    await blenderRender(parameters('chosen', chosen), bench.context());
    const text = readFileSync(join(folder.path, 'chosen', 'shot_0001.png'), 'latin1');
    expect(text).toContain('Scene\0Main');
    expect(text).toContain('Camera\0Second');
    const failure = await failureOf(blenderRender(parameters('x', { ...chosen, scene: 'Wide' }), bench.context()));
    expect(failure.message).toBe('Scene "Wide" not found; the file has: "Close-up", "Main".');
  });

  it('leaves out frames that are there, but not one that is torn', async () => {
    const given = parameters('skip', { skipExisting: true });
    await blenderRender({ ...given, frames: '1-2' }, bench.context());
    const first = join(folder.path, 'skip', 'shot_0001.png');
    const second = join(folder.path, 'skip', 'shot_0002.png');
    const before = statSync(first).mtimeMs;
    writeFileSync(second, readFileSync(second).subarray(0, 100));
    const outputs = await blenderRender({ ...given, frames: '1-3' }, bench.context());
    expect(outputs.map(({ frame, renderSeconds }) => [frame, renderSeconds === undefined])).toEqual([
      [1, true],
      [2, false],
      [3, false],
    ]);
    expect(statSync(first).mtimeMs).toBe(before);
    await expect(verifyFile(second, 'PNG')).resolves.toBeGreaterThan(100);
  });

  it('puts a frame into place only while it may', async () => {
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const asked: string[][] = [];
    const place = join(folder.path, 'gated');
    const rendering = blenderRender(
      parameters('gated'),
      bench.context({
        untilMayMove: async () => {
          asked.push(readdirSync(place).filter((name) => name.endsWith('.png')));
          await opened;
        },
        reportProgress: ({ fraction }) => {
          if (fraction === 1) setTimeout(open, 50);
        },
      }),
    );
    await rendering;
    expect(asked[0]).toEqual([]);
    expect(readdirSync(place).sort()).toEqual(['shot_0001.png', 'shot_0002.png']);
  });
});

describe('an attempt that cannot be completed says what happened', () => {
  it('when Blender ends an order well, but wrote no frame', async () => {
    const context = bench.context();
    const failure = await failureOf(blenderRender(parameters('none', { blendFile: scenes.denoised }), context));
    expect(failure.kind).toBe('NO_FRAME');
    expect(failure.message).toBe('Frame 1 was not rendered: Build without OpenImageDenoiser');
    expect(context.log.tail()).toContain('OpenImageDenoise');
  });

  it('when the .blend is missing', async () => {
    const failure = await failureOf(blenderRender(parameters('x', { blendFile: '/no/such.blend' }), bench.context()));
    expect(failure).toMatchObject({ kind: 'FILE_NOT_FOUND', message: '"/no/such.blend" is not there on this worker.' });
  });

  it('when the file is no .blend', async () => {
    const blendFile = join(folder.path, 'make-scenes.py');
    const failure = await failureOf(blenderRender(parameters('x', { blendFile }), bench.context()));
    expect(failure.message).toMatch(/^Blender .* cannot open ".*make-scenes\.py": /);
  });

  it('when the scene has no camera', async () => {
    const failure = await failureOf(blenderRender(parameters('x', { blendFile: scenes.cameraless }), bench.context()));
    expect(failure).toMatchObject({ kind: 'NO_FRAME' });
    expect(failure.message).toContain('no camera');
  });

  it('when a Python script of the scene fails in a frame; the frames before it stay', async () => {
    const given = parameters('script', { blendFile: scenes.handler, frames: '1-5' });
    const failure = await failureOf(blenderRender(given, scriptBench.context()));
    expect(failure.kind).toBe('SCRIPT_ERROR');
    expect(failure.message).toMatch(
      /while frame 3 was rendered: KeyError: 'no such rig' \(.*handler\.blend.script\.py, line 6\)/,
    );
    expect(readdirSync(join(folder.path, 'script')).sort()).toEqual(['shot_0001.png', 'shot_0002.png']);
  });

  it('and scripts in a .blend stay off unless the worker allows them', async () => {
    const context = bench.context();
    await blenderRender(parameters('off', { blendFile: scenes.handler, frames: '3' }), context);
    expect(context.log.tail()).not.toContain('MARK');
  });

  it('when Blender is missing', async () => {
    const missing = await openBench(folder.path, { blenders: [{ program: undefined, missing: 'it is not in PATH' }] });
    const failure = await failureOf(blenderRender(parameters('x'), missing.context()));
    expect(failure.kind).toBe('PROGRAM_NOT_FOUND');
    expect(failure.message).toContain('Install Blender on this worker, or start the worker with --blender PATH.');
  });

  it('when Blender has gone since the worker looked for it', async () => {
    const gone = await openBench(folder.path, { blenders: [{ program: '/no/blender', version: '3.4.1' }] });
    const failure = await failureOf(blenderRender(parameters('x'), gone.context()));
    expect(failure.kind).toBe('PROGRAM_NOT_FOUND');
  });

  it('when Blender crashes', async () => {
    let isCrashing = false;
    const context = bench.context({
      reportProgress: () => {
        const [program] = readdirSync(bench.state.programs);
        if (!isCrashing && program !== undefined) process.kill(Number.parseInt(program, 10), 'SIGSEGV');
        isCrashing = true;
      },
    });
    const failure = await failureOf(blenderRender(parameters('crash', { frames: '1-200' }), context));
    expect(failure.kind).toBe('EXIT_CODE');
    expect(failure.message).toMatch(
      /^Blender (was ended by SIGSEGV|ended with exit code \d+) while it rendered frame \d+\.$/,
    );
  });

  it('when the output folder lies below a file', async () => {
    const file = join(folder.path, 'a-file');
    writeFileSync(file, '');
    const given = parameters('x', { output: join(file, 'deep', 'shot_####') });
    const failure = await failureOf(blenderRender(given, bench.context()));
    expect(failure.message).toBe(`The folder "${join(file, 'deep')}" cannot be made: "${file}" is a file.`);
  });

  it('when a frame cannot be put into place', async () => {
    mkdirSync(join(folder.path, 'taken', 'shot_0001.png', 'x'), { recursive: true });
    const failure = await failureOf(blenderRender(parameters('taken'), bench.context()));
    expect(failure.message).toContain('shot_0001.png" cannot be put into place');
    expect(existsSync(join(folder.path, 'taken', 'shot_0002.png'))).toBe(false);
  });

  it('and leaves no attempt folder and no record behind', () => {
    expect(readdirSync(bench.state.attempts)).toEqual([]);
    const folders = readdirSync(folder.path).filter((name) => existsSync(join(folder.path, name, '.tablao-attempt1')));
    expect(folders).toEqual([]);
  });
});

/** Notes the number of the process that renders. */
function spyOnPids(from: Bench, pids: Set<number | undefined>, changes: Partial<CommandContext> = {}): CommandContext {
  const context = from.context(changes);
  return {
    ...context,
    reportProgress: (progress) => {
      context.reportProgress(progress);
      for (const name of readdirSync(from.state.programs)) pids.add(Number.parseInt(name, 10));
    },
  };
}

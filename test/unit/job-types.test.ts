import { describe, expect, it } from 'vitest';
import { countFrames, parseFrameRange } from '../../src/domain/frame-range.ts';
import { validateSettings } from '../../src/domain/job-settings.ts';
import { defineJobType, type JobType } from '../../src/domain/job-type.ts';
import { createJobTypeRegistry } from '../../src/domain/job-type-registry.ts';
import { BUILT_IN_JOB_TYPES } from '../../src/job-types/built-in.ts';
import { echoSleepTest } from '../../src/job-types/echo-sleep-test.ts';
import { simpleBlenderRender } from '../../src/job-types/simple-blender-render.ts';

const RENDER = { blendFile: '/in/shot.blend', frames: '1-24', chunkSize: 4, outputPath: '/out/shot_######' };

function compile(type: JobType, given: unknown) {
  const result = validateSettings(type.settings, given);
  if ('issues' in result) throw new Error(JSON.stringify(result.issues));
  return type.compile({ jobName: 'test', settings: result.settings });
}

const compileRender = (given: object = {}) => compile(simpleBlenderRender, { ...RENDER, ...given });

function refuse(type: JobType, given: unknown) {
  const result = validateSettings(type.settings, given);
  if ('settings' in result) throw new Error(`accepted: ${JSON.stringify(result.settings)}`);
  return result.issues.map(({ path, message }) => ({ key: path[1], message }));
}

const refuseRender = (given: object) => refuse(simpleBlenderRender, { ...RENDER, ...given });

describe('simple-blender-render', () => {
  it('makes one task a chunk, then a video of them all', () => {
    const tasks = compileRender();
    expect(tasks.map(({ name, type, frames, dependsOn }) => ({ name, type, frames, dependsOn }))).toStrictEqual([
      ...['1-4', '5-8', '9-12', '13-16', '17-20', '21-24'].map((frames) => ({
        name: `render ${frames}`,
        type: 'blender',
        frames,
        dependsOn: [],
      })),
      { name: 'preview video', type: 'video', frames: null, dependsOn: [0, 1, 2, 3, 4, 5] },
    ]);
    expect(tasks[1]!.commands).toStrictEqual([
      {
        name: 'blender-render',
        parameters: {
          blendFile: '/in/shot.blend',
          frames: '5-8',
          output: '/out/shot_######',
          format: 'PNG',
          skipExisting: false,
          freshBlender: false,
        },
      },
    ]);
    expect(tasks[6]!.commands).toStrictEqual([
      {
        name: 'frames-to-video',
        parameters: {
          frames: '1-24',
          input: '/out/shot_######',
          format: 'PNG',
          output: '/out/shot_1-24-preview.mp4',
          fps: 24,
        },
      },
    ]);
  });

  it('hands the options on to Blender', () => {
    const options = {
      scene: 'Scene.001',
      camera: 'Cam',
      viewLayer: 'View Layer',
      resolutionPercent: 50,
      samples: 16,
      skipExisting: true,
      freshBlender: true,
    };
    const [render, video] = compileRender({ ...options, frames: '1-2', format: 'OPEN_EXR', fps: 23.976 });
    expect(render!.commands[0]!.parameters).toMatchObject({ ...options, format: 'OPEN_EXR' });
    expect(video!.commands[0]!.parameters).toMatchObject({ format: 'OPEN_EXR', fps: 23.976 });
  });

  it('gives each frame to exactly one task, gaps and negative frames included', () => {
    const tasks = compileRender({ frames: '-10-10x3, 40, -1', chunkSize: 3 });
    expect(tasks.map(({ frames }) => frames)).toStrictEqual(['-10..-4x3', '-1..5x3', '8,40', null]);
    const rendered = tasks.flatMap(({ frames }) => (frames === null ? [] : parseFrameRange(frames)));
    expect(rendered).toStrictEqual([-10, -7, -4, -1, 2, 5, 8, 40]);
    const video = tasks.at(-1)!.commands[0]!.parameters;
    expect(parseFrameRange(String(video.frames))).toStrictEqual(rendered);
  });

  it.each([
    ['1-24', 10, ['1', '12', '24', '2-11', '13-22', '23']],
    ['1-24', 24, ['1', '12', '24', '2-11,13-23']],
    ['1-4', 1, ['1', '2', '4', '3']],
    ['1-3', 5, ['1', '2', '3']],
    ['5,9', 5, ['5', '9']],
    ['7', 1, ['7']],
  ])(
    'gives first, middle and last of %s out first, by themselves, where it is asked to',
    (frames, chunkSize, expected) => {
      const tasks = compileRender({ frames, chunkSize, previewFramesFirst: true }).filter(
        ({ type }) => type === 'blender',
      );
      expect(tasks.map((task) => task.frames)).toStrictEqual(expected);
      expect(tasks.flatMap((task) => parseFrameRange(task.frames!)).sort((a, b) => a - b)).toStrictEqual(
        parseFrameRange(frames),
      );
    },
  );

  it('waits with the video for all of them, and hands the wish itself on to nobody', () => {
    const tasks = compileRender({ previewFramesFirst: true });
    expect(tasks.at(-1)).toMatchObject({ type: 'video', dependsOn: tasks.slice(1).map((_, index) => index) });
    expect(JSON.stringify(tasks)).not.toContain('previewFramesFirst');
  });

  it('keeps names and the video command short when the frames unfold to a long list', () => {
    const frames = '1-900000x2,1-900000x3';
    const tasks = compileRender({ frames, chunkSize: 1_000_000 });
    expect(tasks.map(({ name }) => name)).toStrictEqual(['render 1..899999 (600000 frames)', 'preview video']);
    expect(tasks[1]!.commands[0]!.parameters).toMatchObject({
      frames,
      output: '/out/shot_1..899999-600000-frames-preview.mp4',
    });
  });

  it('makes one task a frame when no chunk size is given', () => {
    expect(compileRender({ chunkSize: undefined, frames: '1-3' }).map(({ name }) => name)).toStrictEqual([
      'render 1',
      'render 2',
      'render 3',
      'preview video',
    ]);
  });

  it('makes a still of a single frame, without a video', () => {
    const tasks = compileRender({ frames: '7' });
    expect(tasks).toHaveLength(1);
    expect(tasks[0]).toMatchObject({ name: 'render 7', frames: '7', dependsOn: [] });
  });

  it.each([
    ['/out/shot_######.png', 'PNG'],
    ['/out/shot_######.jpeg', 'JPEG'],
    ['/out/shot_######.exr', 'OPEN_EXR'],
  ])('takes %s for %s without its extension', (outputPath, format) => {
    expect(compileRender({ outputPath, format })[0]!.commands[0]!.parameters).toMatchObject({
      output: '/out/shot_######',
      format,
    });
  });

  it.each(['FFMPEG', 'AVI_JPEG', 'AVI_RAW', 'MPEG', 'MPEG4', 'H264', 'mp4'])(
    'refuses the movie format %s',
    (format) => {
      expect(refuseRender({ format })).toStrictEqual([
        { key: 'format', message: expect.stringContaining(`cannot be ${format}, a movie format`) },
      ]);
      expect(refuseRender({ format })[0]!.message).toContain('Choose PNG');
    },
  );

  it.each([
    ['OPEN_EXR_MULTILAYER', 'choose OPEN_EXR'],
    ['png', 'did you mean PNG?'],
    ['BMP', 'cannot be "BMP"'],
  ])('refuses the format %s', (format, message) => {
    expect(refuseRender({ format })).toStrictEqual([{ key: 'format', message: expect.stringContaining(message) }]);
  });

  it.each([
    ['/out/shot', 'has no #'],
    ['/out/##_##', '2 groups of #'],
    ['/out/##/shot_##', "folder's name"],
    ['/out/shot_####.mp4', 'a movie'],
    ['/out/shot_####.exr', 'the format is PNG'],
    ['//render/shot_####', 'folder of the .blend'],
    ['shot_####', 'relative'],
  ])('refuses the output path %s', (outputPath, message) => {
    expect(refuseRender({ outputPath })).toStrictEqual([
      { key: 'outputPath', message: expect.stringContaining(message) },
    ]);
  });

  it.each([
    ['', 'is empty'],
    ['10-1', '"10-1" ends before it begins'],
    ['1,,2', 'Part 2'],
  ])('refuses the frames %j', (frames, message) => {
    expect(refuseRender({ frames })).toStrictEqual([{ key: 'frames', message: expect.stringContaining(message) }]);
  });

  it.each(['/in/shot.png', '/in/shot', 'shot.blend'])('refuses the file %s', (blendFile) => {
    expect(refuseRender({ blendFile })).toMatchObject([{ key: 'blendFile' }]);
  });

  it.each(['/in/a.blend', '/in/A.BLEND', '/in/a.blend1', 'C:\\a.blend'])('takes the file %s', (blendFile) => {
    expect(compileRender({ blendFile })[0]!.commands[0]!.parameters).toMatchObject({ blendFile });
  });

  it('requires file, frames and output path', () => {
    expect(refuse(simpleBlenderRender, {}).map(({ key }) => key)).toStrictEqual(['blendFile', 'frames', 'outputPath']);
  });

  it('makes 100,000 tasks of 1,000,000 frames with the smallest chunk size that the refusal names', () => {
    expect(refuseRender({ frames: '1-1000000', chunkSize: 10 })).toStrictEqual([
      { key: 'chunkSize', message: expect.stringContaining('a chunk size of 11 or more') },
    ]);
    const tasks = compileRender({ frames: '1-1000000', chunkSize: 11 });
    expect(tasks).toHaveLength(90_911);
    expect(tasks.reduce((sum, { frames }) => sum + (frames === null ? 0 : countFrames(frames)), 0)).toBe(1_000_000);
  });

  it('counts the video among the 100,000 tasks', () => {
    expect(compileRender({ frames: '1-99999', chunkSize: 1 })).toHaveLength(100_000);
    expect(refuseRender({ frames: '1-100000', chunkSize: 1 })[0]!.message).toContain('a chunk size of 2 or more');
    expect(refuseRender({ frames: '1-100000', chunkSize: undefined })).toMatchObject([{ key: 'chunkSize' }]);
  });
});

describe('echo-sleep-test', () => {
  it('makes as many independent tasks as repeats says', () => {
    const tasks = compile(echoSleepTest, { message: 'hello', sleepSeconds: 0.5, repeats: 3 });
    expect(tasks).toStrictEqual(
      ['echo 1', 'echo 2', 'echo 3'].map((name) => ({
        name,
        type: 'misc',
        frames: null,
        commands: [
          { name: 'echo', parameters: { message: 'hello' } },
          { name: 'sleep', parameters: { seconds: 0.5 } },
        ],
        dependsOn: [],
      })),
    );
  });

  it('makes 100,000 tasks and refuses more', () => {
    expect(compile(echoSleepTest, { repeats: 100_000 })).toHaveLength(100_000);
    expect(refuse(echoSleepTest, { repeats: 100_001 })).toMatchObject([{ key: 'repeats' }]);
  });

  it.each([{ repeats: 0 }, { repeats: 1.5 }, { sleepSeconds: -1 }, { sleepSeconds: 3601 }, { message: '' }])(
    'refuses %j',
    (given) => {
      expect(refuse(echoSleepTest, given)).toMatchObject([{ key: Object.keys(given)[0] }]);
    },
  );
});

describe('the built-in job types', () => {
  it('are found by name and listed in order', () => {
    expect(BUILT_IN_JOB_TYPES.list().map(({ name }) => name)).toStrictEqual([
      'simple-blender-render',
      'echo-sleep-test',
    ]);
    expect(BUILT_IN_JOB_TYPES.get('echo-sleep-test')).toBe(echoSleepTest);
    expect(BUILT_IN_JOB_TYPES.get('constructor')).toBeNull();
  });

  describe.each(BUILT_IN_JOB_TYPES.list().map((type) => [type.name, type] as const))('%s', (_name, type) => {
    it('declares each key once, in camelCase, with label and description', () => {
      const keys = type.settings.map(({ key }) => key);
      expect(new Set(keys).size).toBe(keys.length);
      for (const { key, label, description } of type.settings) {
        expect(key).toMatch(/^[a-z][a-zA-Z]*$/);
        expect(label).not.toBe('');
        expect(description).toMatch(/\.$/);
      }
    });

    it('has defaults that its own declarations accept, and none for what is required', () => {
      for (const setting of type.settings) {
        expect(setting.required && setting.default !== undefined).toBe(false);
        expect(
          validateSettings([{ ...setting, required: false }], { [setting.key]: setting.default }),
        ).not.toHaveProperty('issues');
      }
    });

    it('makes only tasks of the types that it names, each depending on earlier ones', () => {
      const required = { blendFile: '/in/a.blend', frames: '1-5', outputPath: '/out/##' };
      const given = Object.fromEntries(
        Object.entries(required).filter(([key]) => type.settings.some((s) => s.key === key)),
      );
      const tasks = compile(type, given);
      expect(tasks.length).toBeGreaterThan(0);
      expect(new Set(tasks.map((task) => task.type))).toStrictEqual(new Set(type.taskTypes));
      for (const [index, { dependsOn }] of tasks.entries()) expect(dependsOn.every((i) => i < index)).toBe(true);
    });
  });
});

describe('defineJobType', () => {
  it('gives compile the settings with their types', () => {
    const type = defineJobType({
      name: 'typed',
      label: 'Typed',
      description: 'Typed.',
      version: '1',
      taskTypes: ['misc'],
      settings: [
        { key: 'format', label: '', description: '', type: 'STRING', default: 'A', choices: ['A', 'B'] },
        { key: 'size', label: '', description: '', type: 'INTEGER' },
      ],
      compile({ jobName, settings }) {
        const format: 'A' | 'B' = settings.format;
        const size: number | undefined = settings.size;
        // @ts-expect-error: it may be absent
        const certain: number = settings.size;
        // @ts-expect-error: it was not declared
        const other: unknown = settings.other;
        return [
          { name: jobName, type: `${format} ${size} ${certain} ${other}`, frames: null, commands: [], dependsOn: [] },
        ];
      },
    });
    expect(type.settings).toMatchObject([
      { key: 'format', required: false, editable: true },
      { key: 'size', required: false, editable: true },
    ]);
    expect(compile(type, {})[0]!.type).toBe('A undefined undefined undefined');
  });
});

describe('createJobTypeRegistry', () => {
  it('refuses two job types of one name', () => {
    expect(() => createJobTypeRegistry([echoSleepTest, { ...simpleBlenderRender, name: 'echo-sleep-test' }])).toThrow(
      '"echo-sleep-test"',
    );
  });
});

import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/domain/command.ts';
import type { FarmWorker } from '../../src/domain/failure-policy.ts';
import { explainMissingWorker } from '../../src/domain/missing-worker.ts';
import { needsOf, offersOf } from '../../src/domain/needs.ts';

const task = (type: string, ...commands: Command[]) => ({ type, commands });
const render = (parameters: Record<string, unknown>): Command => ({ name: 'blender-render', parameters });

describe('what tasks need', () => {
  it('is nothing where they name no version and no root', () => {
    expect(needsOf([task('blender', render({ blendFile: '/a.blend', output: '/a_#' }))], ['/a.blend'])).toEqual({
      blender: [],
    });
  });

  it('is the Blender that they name and the roots of their paths, once, for each type by itself', () => {
    const tasks = [
      task('blender', render({ blendFile: 'proj:a.blend', output: 'out:a_#', blenderVersion: '5.2' })),
      task('blender', render({ blendFile: 'proj:a.blend', output: 'out:a_#', blenderVersion: '5.2' })),
      task('video', { name: 'frames-to-video', parameters: { input: 'out:a_#', output: 'C:/a.mp4' } }),
    ];
    expect(needsOf(tasks, [])).toEqual({ blender: ['blender:5.2', 'root:out', 'root:proj'], video: ['root:out'] });
  });

  it('is what any of the tasks of a type needs, and the roots of the files that all of them check', () => {
    const tasks = [task('misc'), task('misc', render({ blenderVersion: '4.5.1' })), task('video')];
    expect(needsOf(tasks, ['lib:tree.blend', '/x'])).toEqual({
      misc: ['blender:4.5.1', 'root:lib'],
      video: ['root:lib'],
    });
  });

  it('is the program that they run, and the roots of its arguments that are marked as paths', () => {
    const parameters = {
      program: 'ffmpeg',
      arguments: ['-i', { path: 'proj:in.mov' }, 'concat:a|b', { output: 'out:a.mp4' }],
    };
    expect(needsOf([task('misc', { name: 'exec', parameters })], [])).toEqual({
      misc: ['program:ffmpeg', 'root:out', 'root:proj'],
    });
  });

  it('has nothing to do with texts that are no paths', () => {
    expect(needsOf([task('misc', { name: 'echo', parameters: { message: 'note:this' } })], [])).toEqual({ misc: [] });
  });
});

describe('what a worker offers', () => {
  it('is each of its Blenders, exactly and by its line, and what else it says', () => {
    const offers = offersOf({ blenderVersions: ['5.2.2', '3.4.1', '5.2.0', '4.3'], offers: ['root:proj'] });
    expect(offers).toEqual([
      'blender:3.4',
      'blender:3.4.1',
      'blender:4.3',
      'blender:5.2',
      'blender:5.2.0',
      'blender:5.2.2',
      'root:proj',
    ]);
  });

  it('is the same for the same things in another order', () => {
    const [a, b] = [
      ['3.4.1', '5.2.2'],
      ['5.2.2', '3.4.1'],
    ].map((blenderVersions) => offersOf({ blenderVersions, offers: [] }));
    expect(a).toEqual(b);
  });
});

describe('why no worker can do it', () => {
  const worker = (changes: Partial<FarmWorker>): FarmWorker => ({
    id: 'w',
    taskTypes: ['blender'],
    tags: [],
    offers: [],
    ...changes,
  });
  const work = { taskType: 'blender', workerTag: null, needs: ['blender:5.2', 'root:proj'] };
  const able = worker({ offers: ['blender:5.2', 'root:proj'] });

  // biome-ignore format: one case per line
  it.each<[string, FarmWorker[], object, string | null]>([
    ['one can',            [worker({}), able],                 {},                       null],
    ['nobody is there',    [],                                 {},                       'No worker is awake.'],
    ['the type',           [worker({ taskTypes: ['misc'] })],  { needs: [] },            'No worker that is awake takes tasks of the type "blender".'],
    ['the tag',            [able],                             { workerTag: 'gpu' },     'No worker that is awake has the tag "gpu".'],
    ['the root',           [worker({ offers: ['blender:5.2'] })], {},                    'No worker that is awake has the root "proj".'],
    ['the Blender, and which there are', [worker({ offers: ['blender:3.4', 'blender:3.4.1', 'root:proj'] })], {}, 'No worker that is awake has Blender 5.2. There is Blender 3.4.1.'],
    ['the Blender, where there is none', [worker({ offers: ['root:proj'] })], {},        'No worker that is awake has Blender 5.2. None has a Blender.'],
    ['several things',     [worker({ offers: ['blender:4.3'] })], {},                    'No worker that is awake has Blender 5.2 and has the root "proj". There is Blender 4.3.'],
    ['not all in one',     [worker({ offers: ['blender:5.2'] }), worker({ offers: ['root:proj'] })], {}, 'No worker that is awake takes tasks of the type "blender", has Blender 5.2 and has the root "proj".'],
  ])('%s', (_what, workers, change, expected) => {
    expect(explainMissingWorker({ ...work, ...change }, workers)).toBe(expected);
  });
});

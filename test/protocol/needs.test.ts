import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm, type SubmittedJob } from '../support/farm.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

/** A render job of two frames: two tasks of Blender, then a video. */
async function submit(settings: object = {}, input: object = {}): Promise<SubmittedJob> {
  return await farm.submit([], {
    type: 'simple-blender-render',
    settings: { blendFile: '/a.blend', frames: '1-2', outputPath: '/out/a_####', ...settings },
    ...input,
  });
}

interface Waiting {
  readonly waitingFor: string[];
  readonly waitingNotes: string[];
  readonly tasks: { readonly nodes: { needs: string[]; waitingFor: string | null; waitingNote: string | null }[] };
}

async function waiting({ id }: SubmittedJob): Promise<Waiting> {
  const { job } = await farm.gateway.run<{ job: Waiting }>(
    `query ($id: ID!) { job(id: $id) { waitingFor waitingNotes tasks(first: 10) { nodes { needs waitingFor waitingNote } } } }`,
    { id },
  );
  return job;
}

describe('a job that needs a version of Blender', () => {
  it('is given only to workers that have it, and says what is missing until there is one', async () => {
    const old = await farm.worker('old', { blenderVersions: ['3.4.1'] });
    const job = await submit({ blenderVersion: '5.2' });
    expect(await old.claim()).toBeNull();
    const note = 'No worker that is awake has Blender 5.2. There is Blender 3.4.1.';
    const { waitingFor, waitingNotes, tasks } = await waiting(job);
    expect([waitingFor, waitingNotes]).toEqual([['NO_CAPABLE_WORKER'], [note]]);
    expect(tasks.nodes).toEqual([
      { needs: ['blender:5.2'], waitingFor: 'NO_CAPABLE_WORKER', waitingNote: note },
      { needs: ['blender:5.2'], waitingFor: 'NO_CAPABLE_WORKER', waitingNote: note },
      { needs: [], waitingFor: 'DEPENDENCY', waitingNote: null },
    ]);

    const both = await farm.worker('both', { blenderVersions: ['3.4.1', '5.2.2'] });
    expect(await waiting(job)).toMatchObject({ waitingFor: ['ALL_WORKERS_BUSY'], waitingNotes: [] });
    const first = (await both.claim())!;
    expect(first.commands[0]!.parameters).toMatchObject({ blenderVersion: '5.2' });
    expect(await old.claim()).toBeNull();
    await both.complete(first.attemptToken);
    await both.complete((await both.claim())!.attemptToken);
    // Any Blender makes the video.
    expect((await old.claim())!.task.name).toBe('preview video');
  });

  it('wakes the worker that signs on with it', async () => {
    const worker = await farm.worker('worker', { blenderVersions: ['3.4.1'] });
    await submit({ blenderVersion: '4.5.2' });
    const held = worker.sync({ freeSlots: 1, waitSeconds: 20 });
    await worker.signOn({ blenderVersions: ['4.5.2'] });
    expect(await held).toMatchObject({ reason: 'SIGNED_ON_ELSEWHERE' });
    expect((await worker.claim())?.task.name).toBe('render 1');
  });

  it('hides no other job from those that cannot do it, however many there are of it', async () => {
    for (let i = 0; i < 60; i += 1) await submit({ blenderVersion: '5.2' }, { priority: 90 });
    const plain = await submit({}, { priority: 10 });
    const worker = await farm.worker();
    expect((await worker.claim())?.task.job.id).toBe(plain.id);
  });

  it('counts only capable workers as others who could do what one of them failed', async () => {
    const worker = await farm.worker('worker', { blenderVersions: ['5.2.2'] });
    await farm.worker('other', { blenderVersions: ['3.4.1'] });
    await submit({ blenderVersion: '5.2', frames: '1' });
    await worker.fail((await worker.claim())!.attemptToken);
    farm.clock.advance(30);
    expect(await worker.claim()).not.toBeNull();
  });
});

describe('paths below a root', () => {
  const settings = { blendFile: 'proj:shots/a.blend', outputPath: 'out:a/a_####' };

  it('are handed out as they were submitted, to workers that have the roots', async () => {
    const file = { path: 'proj:shots/a.blend', bytes: 1 };
    const job = await submit(settings, { files: [file] });
    const without = await farm.worker('without', { offers: ['root:proj'] });
    expect(await without.claim()).toBeNull();
    expect((await waiting(job)).waitingNotes).toEqual(['No worker that is awake has the root "out".']);
    const worker = await farm.worker('worker', { offers: ['root:out', 'root:proj'] });
    const { commands } = (await worker.claim())!;
    expect(commands[0]!.parameters).toMatchObject({ blendFile: 'proj:shots/a.blend', output: 'out:a/a_####' });
    expect((await waiting(job)).tasks.nodes.map(({ needs }) => needs)).toEqual([
      ['root:out', 'root:proj'],
      ['root:out', 'root:proj'],
      ['root:out', 'root:proj'], // every attempt checks the files
    ]);
  });

  // biome-ignore format: one case per line
  it.each<[string, object, object]>([
    ['settings.blendFile',  { blendFile: 'proj:/shots/a.blend' },      {}],
    ['settings.blendFile',  { blendFile: 'proj:../a.blend' },          {}],
    ['settings.blendFile',  { blendFile: 'proj:a/./b.blend' },         {}],
    ['settings.blendFile',  { blendFile: 'proj:a\\..\\..\\b.blend' },  {}],
    ['settings.blendFile',  { blendFile: 'proj:' },                    {}],
    ['settings.outputPath', { outputPath: 'proj:a//b_##' },            {}],
    ['files.0.path',        {},                                        { files: [{ path: 'proj:../x', bytes: 1 }] }],
    ['files.1.path',        {},                                        { files: [{ path: '/x', bytes: 1 }, { path: 'x', bytes: 1 }] }],
    ['settings.blenderVersion', { blenderVersion: '5' },               {}],
    ['settings.blenderVersion', { blenderVersion: '5.2 LTS' },         {}],
  ])('that leave it are refused: %s of %j %j', async (path, change, input) => {
    const { submitJob } = await farm.gateway.run<{ submitJob: { issues: { path: string[]; allowed: string }[] } }>(
      `mutation ($input: SubmitJobInput!) { submitJob(input: $input) { ... on InvalidInputError { issues { path allowed } } } }`,
      {
        input: {
          type: 'simple-blender-render',
          name: 'job',
          settings: { blendFile: '/a.blend', frames: '1-2', outputPath: '/out/a_####', ...change },
          ...input,
        },
      },
    );
    expect(submitJob.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
    expect(submitJob.issues[0]!.allowed).not.toBe('');
  });
});

describe('Worker', () => {
  it('shows what it has', async () => {
    const devices = [{ type: 'OPTIX', name: 'NVIDIA RTX' }];
    const { id } = await farm.worker('worker', { blenderVersions: ['5.2.2'], offers: ['root:proj'], devices });
    const { worker } = await farm.gateway.run(
      `query ($id: ID!) { worker(id: $id) { blenderVersions offers devices { type name } } }`,
      { id },
    );
    expect(worker).toEqual({
      blenderVersions: ['5.2.2'],
      offers: ['blender:5.2', 'blender:5.2.2', 'root:proj'],
      devices,
    });
  });
});

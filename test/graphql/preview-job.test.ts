import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Farm } from '../support/farm.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
});
afterAll(() => farm.close());

const TASK = '{ name type frames commands { name parameters } }';
const ISSUES = '... on InvalidInputError { code message issues { path message given allowed } }';

interface Task {
  readonly name: string;
  readonly type: string;
  readonly frames: string | null;
  readonly commands: { readonly name: string; readonly parameters: unknown }[];
}
interface Preview {
  readonly __typename: string;
  readonly taskCount?: number;
  readonly frameCount?: number;
  readonly tasks?: Task[];
}

async function preview(input: object, first = 100): Promise<Preview> {
  const { previewJob } = await farm.gateway.run<{ previewJob: Preview }>(
    `query ($input: SubmitJobInput!, $first: Int!) { previewJob(input: $input) { __typename
      ... on JobPreview { taskCount frameCount tasks(first: $first) ${TASK} } ${ISSUES} } }`,
    { input, first },
  );
  return previewJob;
}

interface Submitted {
  readonly __typename: string;
  readonly job?: {
    readonly taskCounts: { readonly total: number };
    readonly frameCounts: { readonly total: number };
    readonly tasks: { readonly nodes: Task[] };
  };
}

async function submit(input: object): Promise<Submitted> {
  const { submitJob } = await farm.gateway.run<{ submitJob: Submitted }>(
    `mutation ($input: SubmitJobInput!) { submitJob(input: $input) { __typename
      ... on SubmitJobSuccess { job { taskCounts { total } frameCounts { total } tasks(first: 100) { nodes ${TASK} } } } ${ISSUES} } }`,
    { input },
  );
  return submitJob;
}

const RENDER = {
  type: 'simple-blender-render',
  name: 'shot 10',
  settings: { blendFile: '/shots/a.blend', frames: '1-50', chunkSize: 4, outputPath: '/out/a_####' },
};

describe('previewJob', () => {
  it.each([
    ['an animation', RENDER],
    ['a still', { ...RENDER, settings: { ...RENDER.settings, frames: '47' } }],
    ['a job without frames', { type: 'echo-sleep-test', name: 'echo', settings: { repeats: 3 } }],
    ['more tasks than it shows', { type: 'echo-sleep-test', name: 'echo', settings: { repeats: 101 } }],
  ])('shows of %s what submitJob stores', async (_, input) => {
    const shown = await preview(input);
    const { job } = await submit(input);
    expect(shown.taskCount).toBe(job!.taskCounts.total);
    expect(shown.frameCount).toBe(job!.frameCounts.total);
    expect(shown.tasks).toEqual(job!.tasks.nodes);
  });

  it('stores nothing, and takes no idempotency key', async () => {
    const input = { ...RENDER, idempotencyKey: 'once' };
    const before = await farm.dump();
    expect((await preview(input)).taskCount).toBe(14);
    expect(await farm.dump()).toEqual(before);
    expect(await submit(input)).toMatchObject({ __typename: 'SubmitJobSuccess' });
    expect((await preview({ ...input, name: 'another' })).taskCount).toBe(14);
  });

  it.each([
    [{ ...RENDER, type: 'simple-blender-rendering' }],
    [{ ...RENDER, name: '', priority: 101, settings: { frames: '10-1', chunkSize: 0, nonsense: 1 } }],
    [{ ...RENDER, settings: [] }],
    [{ ...RENDER, jobTypeVersion: '0.0.1', workerTag: 'a b', metadata: [] }],
  ])('refuses what submitJob refuses, in the same words', async (input) => {
    const refused = await preview(input);
    expect(refused.__typename).toBe('InvalidInputError');
    expect(refused).toEqual(await submit(input));
  });

  it('answers with the first tasks of the largest job, as many as are asked for', async () => {
    const largest = { type: 'echo-sleep-test', name: 'largest', settings: { repeats: 100_000 } };
    const shown = await preview(largest, 2);
    expect(shown.taskCount).toBe(100_000);
    expect(shown.tasks!.map(({ name }) => name)).toEqual(['echo 1', 'echo 2']);
    await expect(preview(largest, 0)).rejects.toThrow('first is 0; it must be from 1 to 100.');
    await expect(preview(largest, 101)).rejects.toThrow('first is 101; it must be from 1 to 100.');
  });
});

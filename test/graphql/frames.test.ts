import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseFrameRange } from '../../src/domain/frame-range.ts';
import { encodeId } from '../../src/graphql/global-id.ts';
import { Farm, type SubmittedJob } from '../support/farm.ts';
import type { FarmWorker } from '../support/farm-worker.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start();
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

interface FrameView {
  readonly number: number;
  readonly status: string;
  readonly path: string | null;
  readonly renderSeconds: number | null;
  readonly task: { readonly name: string };
}
interface FramePage {
  readonly nodes: FrameView[];
  readonly edges: { readonly cursor: string }[];
  readonly totalCount: number;
  readonly pageInfo: { readonly hasNextPage: boolean; readonly hasPreviousPage: boolean; readonly endCursor: string };
}
const FRAMES = `query ($id: ID!, $first: Int, $after: String, $status: TaskStatus) { job(id: $id) {
  frames(first: $first, after: $after, status: $status) { totalCount nodes { number status path renderSeconds task { name } }
    pageInfo { hasNextPage hasPreviousPage endCursor } edges { cursor } } } }`;

async function page(job: SubmittedJob, args: Record<string, unknown> = {}): Promise<FramePage> {
  return (await farm.gateway.run<{ job: { frames: FramePage } }>(FRAMES, { id: job.id, first: 100, ...args })).job
    .frames;
}

/** All frames of a job, page by page, as `number/task`. */
async function walk(job: SubmittedJob, first: number, status?: string): Promise<string[]> {
  const found: string[] = [];
  for (let after: string | null = null; ; ) {
    const { nodes, pageInfo }: FramePage = await page(job, { first, after, status });
    found.push(...nodes.map(({ number, task }) => `${number}/${task.name.replace('task ', '')}`));
    expect(pageInfo.hasPreviousPage).toBe(after !== null);
    if (!pageInfo.hasNextPage) return found;
    after = pageInfo.endCursor;
  }
}

const submit = (frames: string) =>
  farm.submit(independent(frames.split(' ').length), {
    settings: { frames },
    maxAttempts: 1,
    failureLimitPercent: 100,
  });

/** Outputs of these frames, as a worker reports them. */
function outputs(frames: string, seconds = 1, folder = '/out') {
  return parseFrameRange(frames).map((frame) => ({
    frame,
    path: `${folder}/${frame}.png`,
    bytes: 1000,
    renderSeconds: seconds,
  }));
}

async function complete(worker: FarmWorker, frames: string, seconds?: number, folder?: string): Promise<void> {
  const { attemptToken } = (await worker.claim())!;
  await worker.report(attemptToken, { completed: { outputs: outputs(frames, seconds, folder) } });
}

describe('Job.frames', () => {
  it.each([
    ['a task a frame', '1 2 3 4 5', ['1/1', '2/2', '3/3', '4/4', '5/5']],
    ['tasks in another order than their frames', '5 1 3 2,4', ['1/2', '2/4', '3/3', '4/4', '5/1']],
    ['chunks', '-3..-1 0-2', ['-3/1', '-2/1', '-1/1', '0/2', '1/2', '2/2']],
    ['chunks that interleave', '1-9x4 2-8x3 3', ['1/1', '2/2', '3/3', '5/1', '5/2', '8/2', '9/1']],
    ['the same frames in several tasks', '1-2 1-2 1-2', ['1/1', '1/2', '1/3', '2/1', '2/2', '2/3']],
    ['a wide task around narrow ones', '1,100 50 60 70', ['1/1', '50/2', '60/3', '70/4', '100/1']],
  ])('gives %s by number, page by page of any size, each once', async (_what, frames, expected) => {
    const job = await submit(frames);
    for (const size of [1, 2, 3, 100]) expect(await walk(job, size)).toEqual(expected);
    expect((await page(job)).totalCount).toBe(expected.length);
  });

  it('says of each where its file is and what it took, and goes by the task’s status', async () => {
    const worker = await farm.worker();
    const job = await submit('1-2 3-4 5-6');
    await complete(worker, '1-2', 2.5);
    await worker.claim();
    expect((await page(job)).nodes).toEqual([
      { number: 1, status: 'COMPLETED', path: '/out/1.png', renderSeconds: 2.5, task: { name: 'task 1' } },
      { number: 2, status: 'COMPLETED', path: '/out/2.png', renderSeconds: 2.5, task: { name: 'task 1' } },
      { number: 3, status: 'ACTIVE', path: null, renderSeconds: null, task: { name: 'task 2' } },
      { number: 4, status: 'ACTIVE', path: null, renderSeconds: null, task: { name: 'task 2' } },
      { number: 5, status: 'QUEUED', path: null, renderSeconds: null, task: { name: 'task 3' } },
      { number: 6, status: 'QUEUED', path: null, renderSeconds: null, task: { name: 'task 3' } },
    ]);
  });

  it('tells the frames of a task apart while it is executed: those that are saved are completed', async () => {
    const worker = await farm.worker();
    const job = await submit('1-4 5');
    const { attemptToken } = (await worker.claim())!;
    const tell = (frames: string) =>
      worker.report(attemptToken, { progress: { fraction: 0.5, outputs: outputs(frames, 3) } });
    await tell('1');
    await tell('1-2');
    for (const size of [1, 3]) {
      expect(await walk(job, size, 'COMPLETED')).toEqual(['1/1', '2/1']);
      expect(await walk(job, size, 'ACTIVE')).toEqual(['3/1', '4/1']);
    }
    expect((await page(job)).nodes.map(({ status, renderSeconds }) => [status, renderSeconds])).toEqual([
      ['COMPLETED', 3],
      ['COMPLETED', 3],
      ['ACTIVE', null],
      ['ACTIVE', null],
      ['QUEUED', null],
    ]);
    for (const [status, count] of Object.entries({ COMPLETED: 2, ACTIVE: 2, QUEUED: 1 }))
      expect((await page(job, { status })).totalCount).toBe(count);

    await worker.fail(attemptToken);
    expect(await walk(job, 100, 'FAILED')).toEqual(['1/1', '2/1', '3/1', '4/1']);
    expect((await page(job)).nodes[0]).toMatchObject({ status: 'FAILED', path: '/out/1.png' });
  });

  it('gives those of one status, counted only when asked', async () => {
    const worker = await farm.worker();
    const job = await submit('1-2 3-4 5-6 7-8 9');
    await complete(worker, '1-2');
    await worker.fail((await worker.claim())!.attemptToken);
    await worker.claim();
    for (const size of [1, 3]) {
      expect(await walk(job, size, 'COMPLETED')).toEqual(['1/1', '2/1']);
      expect(await walk(job, size, 'FAILED')).toEqual(['3/2', '4/2']);
      expect(await walk(job, size, 'ACTIVE')).toEqual(['5/3', '6/3']);
      expect(await walk(job, size, 'QUEUED')).toEqual(['7/4', '8/4', '9/5']);
      expect(await walk(job, size, 'SOFT_FAILED')).toEqual([]);
      expect(await walk(job, size, 'PAUSED')).toEqual([]);
    }
    for (const [status, count] of Object.entries({ COMPLETED: 2, FAILED: 2, ACTIVE: 2, QUEUED: 3, CANCELED: 0 }))
      expect((await page(job, { status })).totalCount).toBe(count);
  });

  it('keeps what a frame last was until it is rendered anew', async () => {
    const worker = await farm.worker();
    const job = await submit('1 2');
    await complete(worker, '1', 2);
    await complete(worker, '2', 3);
    await farm.ask('requeueFrames', { jobId: job.id, frames: '1' });
    const [first] = (await page(job)).nodes;
    expect(first).toMatchObject({ status: 'QUEUED', path: '/out/1.png', renderSeconds: 2 });
    await complete(worker, '1', 5, '/new');
    expect((await page(job)).nodes[0]).toMatchObject({ status: 'COMPLETED', path: '/new/1.png', renderSeconds: 5 });
  });

  it('reads a page with few statements, its tasks and their jobs too', async () => {
    const job = await submit(Array.from({ length: 60 }, (_, index) => String(index)).join(' '));
    const asked = vi.spyOn(farm.gateway.database.pool, 'query');
    const data = await farm.gateway.run<{ job: { frames: { nodes: unknown[] } } }>(
      'query ($id: ID!) { job(id: $id) { latestFrame { number } frames(first: 60) { totalCount nodes { number task { name job { name } } } } } }',
      { id: job.id },
    );
    const count = asked.mock.calls.length;
    asked.mockRestore();
    expect(data.job.frames.nodes).toHaveLength(60);
    expect(count).toBeLessThanOrEqual(7);
  });

  it.each([
    ['a size that no page has', { first: 101 }, 'first is 101; it must be from 1 to 100.'],
    ['a size that no page has', { first: 0 }, 'first is 0; it must be from 1 to 100.'],
    ['text that is no cursor', { after: 'x' }, 'after is no cursor of this list'],
    ['a cursor of another list', { after: Buffer.from('["a","b"]').toString('base64url') }, 'after is no cursor'],
    ['a cursor beyond all frames', { after: Buffer.from('[9e15,0]').toString('base64url') }, 'after is no cursor'],
  ])('refuses %s', async (_what, args, message) => {
    const job = await submit('1');
    await expect(page(job, args)).rejects.toThrow(message);
  });

  it('has none of a job without frames', async () => {
    const job = await farm.submit(independent(2));
    expect(await page(job)).toMatchObject({ nodes: [], totalCount: 0, pageInfo: { hasNextPage: false } });
  });
});

describe('Job.latestFrame', () => {
  const latest = async (job: SubmittedJob) =>
    (
      await farm.gateway.run<{ job: { latestFrame: FrameView | null } }>(
        'query ($id: ID!) { job(id: $id) { latestFrame { number status path renderSeconds task { name } } } }',
        { id: job.id },
      )
    ).job.latestFrame;

  it('is the frame that was saved last, whatever became of its task', async () => {
    const worker = await farm.worker();
    const job = await submit('1 7-8');
    expect(await latest(job)).toBeNull();
    await complete(worker, '1');
    await complete(worker, '7-8', 4);
    expect(await latest(job)).toEqual({
      number: 8,
      status: 'COMPLETED',
      path: '/out/8.png',
      renderSeconds: 4,
      task: { name: 'task 2' },
    });
    await farm.ask('requeueFrames', { jobId: job.id, frames: '8' });
    expect(await latest(job)).toMatchObject({ number: 8, status: 'QUEUED' });
  });

  it('is told frame by frame, and each counts once for what a frame takes', async () => {
    const worker = await farm.worker();
    const job = await submit('1-9');
    const { attemptToken } = (await worker.claim())!;
    for (const frame of ['1', '2', '1-3'])
      await worker.report(attemptToken, { progress: { fraction: 0.1, outputs: outputs(frame, Number(frame[0])) } });
    expect(await latest(job)).toMatchObject({ number: 3, status: 'COMPLETED', task: { name: 'task 1' } });
    await worker.report(attemptToken, { completed: { outputs: outputs('1-9', 7) } });
    expect(await latest(job)).toMatchObject({ number: 9 });
    const { rows } = await farm.query('SELECT recent_frame_seconds FROM job');
    expect(rows[0]!.recent_frame_seconds).toEqual([1, 2, 1, 7, 7, 7, 7, 7, 7]);
  });

  it('leaves out what is no frame', async () => {
    const worker = await farm.worker();
    const job = await submit('1 2');
    await complete(worker, '1');
    const { attemptToken } = (await worker.claim())!;
    await worker.report(attemptToken, { completed: { outputs: [{ path: '/out/preview.mp4', bytes: 9 }] } });
    expect(await latest(job)).toMatchObject({ number: 1 });
  });
});

describe('TaskFilter.frame', () => {
  it.each([
    [5, ['task 1', 'task 2']],
    [4, []],
    [3, ['task 3']],
    [100, []],
    [-2_147_483_648, []],
    [2_147_483_647, []],
  ])('finds the tasks that hold the frame %i', async (frame, expected) => {
    const job = await submit('1-9x4 2-8x3 3');
    const { job: found } = await farm.gateway.run<{
      job: { tasks: { nodes: { name: string }[]; totalCount: number } };
    }>(
      'query ($id: ID!, $frame: Int) { job(id: $id) { tasks(filter: { frame: $frame }) { totalCount nodes { name } } } }',
      { id: job.id, frame },
    );
    expect(found.tasks.nodes.map(({ name }) => name)).toEqual(expected);
    expect(found.tasks.totalCount).toBe(expected.length);
  });
});

describe('requeueFrames', () => {
  it('puts the whole tasks back that hold the frames, once each, and what depends on them', async () => {
    const worker = await farm.worker();
    const job = await farm.submit([[], [], [], [0, 1, 2]], { settings: { frames: '1-3 4-6 7-9' } });
    for (const frames of ['1-3', '4-6', '7-9']) await complete(worker, frames);
    await worker.complete((await worker.claim())!.attemptToken);
    const before = (await farm.history(job)).length;
    expect(await farm.ask('requeueFrames', { jobId: job.id, frames: '2, 3, 9', comment: 'Flicker.' })).toMatchObject({
      __typename: 'RequeueFramesSuccess',
      cursor: expect.any(String),
      job: { id: job.id, status: 'QUEUED' },
      tasks: [
        { name: 'task 1', status: 'QUEUED' },
        { name: 'task 3', status: 'QUEUED' },
      ],
    });
    expect(await farm.changes(job, before)).toEqual([
      'job completed → requeueing USER',
      'task 1 completed → queued USER',
      'task 3 completed → queued USER',
      'task 4 completed → queued DEPENDENCY_REQUEUED',
      'job requeueing → queued USER',
    ]);
    expect((await farm.history(job)).at(-1)).toMatchObject({ message: 'Flicker.', actor: 'anonymous' });
    expect(
      await farm.query('SELECT count(DISTINCT xid)::int AS transactions FROM event WHERE first_sequence > $1', [
        before,
      ]),
    ).toMatchObject({ rows: [{ transactions: 1 }] });
  });

  it('answers with all of the tasks, in their order, however many they are', async () => {
    const tasks = Array.from({ length: 12_000 }, (_, index) => ({
      name: `render ${index}`,
      type: 'misc',
      frames: String(index),
      commands: [],
      dependsOn: [],
    }));
    const id = encodeId('Job', await submitPlainJob(farm.gateway.store, 0, { tasks }));
    await farm.ask('cancelJob', { id });
    const answer = await farm.ask('requeueFrames', { jobId: id, frames: '0-11999' });
    expect(answer.tasks?.map(({ name }) => name)).toEqual(tasks.map(({ name }) => name));
    expect(await farm.history({ id })).toHaveLength(2 + 2 + 24_000 + 2);
  });

  it('leaves out tasks that are queued already', async () => {
    const worker = await farm.worker();
    const job = await submit('1 2 3');
    await complete(worker, '1');
    const answer = await farm.ask('requeueFrames', { jobId: job.id, frames: '1-2' });
    expect(answer.tasks).toEqual([{ id: job.tasks[0], name: 'task 1', status: 'QUEUED' }]);
    const again = await farm.ask('requeueFrames', { jobId: job.id, frames: '1-2' });
    expect(again).toMatchObject({ __typename: 'RequeueFramesSuccess', tasks: [], cursor: answer.cursor });
  });

  it('puts back what failed, what failed before and what was canceled', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(3), {
      settings: { frames: '1 2 3' },
      maxAttempts: 2,
      failureLimitPercent: 100,
    });
    await worker.fail((await worker.claim())!.attemptToken);
    await farm.ask('cancelTask', { id: job.tasks[1] });
    expect(await farm.statuses(job)).toBe('active: soft-failed canceled queued');
    const { tasks } = await farm.ask('requeueFrames', { jobId: job.id, frames: '1-3' });
    expect(tasks?.map(({ name }) => name)).toEqual(['task 1', 'task 2']);
    expect(await farm.statuses(job)).toBe('active: queued queued queued');
  });

  it('refuses all when one of the tasks is active, and writes nothing', async () => {
    const worker = await farm.worker();
    const job = await submit('1 2 3');
    await complete(worker, '1');
    await worker.claim();
    const before = await farm.dump();
    expect(await farm.ask('requeueFrames', { jobId: job.id, frames: '1-3' })).toMatchObject({
      __typename: 'TaskTransitionError',
      task: { id: job.tasks[1], status: 'ACTIVE' },
      from: 'ACTIVE',
      to: 'QUEUED',
      refusal: 'NOT_IN_TABLE',
      allowed: [],
    });
    expect(await farm.dump()).toEqual(before);
  });

  it('refuses all while the job is being canceled', async () => {
    const worker = await farm.worker();
    const job = await submit('1 2');
    await complete(worker, '1');
    await worker.claim();
    await farm.ask('cancelJob', { id: job.id });
    expect(await farm.ask('requeueFrames', { jobId: job.id, frames: '1' })).toMatchObject({
      __typename: 'TaskTransitionError',
      refusal: 'JOB_IS_STOPPING',
    });
  });

  it('refuses a task that waits for one that failed, unless that is named too', async () => {
    const worker = await farm.worker();
    const job = await farm.submit([[], [0]], { settings: { frames: '1 2' }, maxAttempts: 1, failureLimitPercent: 100 });
    await worker.fail((await worker.claim())!.attemptToken);
    expect(await farm.statuses(job)).toBe('failed: failed canceled');
    expect(await farm.ask('requeueFrames', { jobId: job.id, frames: '2' })).toMatchObject({
      __typename: 'DependencyUnfinishedError',
      dependencies: [{ name: 'task 1' }],
    });
    const { tasks } = await farm.ask('requeueFrames', { jobId: job.id, frames: '1-2' });
    expect(tasks?.map(({ name }) => name)).toEqual(['task 1', 'task 2']);
  });

  it('has them rendered again where files are left out that are there, also those that never completed', async () => {
    const worker = await farm.worker();
    const job = await submit('1 2');
    for (let i = 0; i < 2; i += 1) await worker.fail((await worker.claim())!.attemptToken);
    await farm.ask('requeueFrames', { jobId: job.id, frames: '2' });
    expect((await worker.claim())!.commands[0]!.parameters).toMatchObject({ message: 'task 2', skipExisting: false });
    await worker.fail([...worker.running][0]!);
    await farm.ask('requeueJob', { id: job.id });
    expect((await worker.claim())!.commands[0]!.parameters).toMatchObject({ message: 'task 1', skipExisting: true });
  });

  it.each([
    ['1-12', 'The job does not have the frames 4-9,11-12.', '4-9,11-12', 'its 4 frames from 1 to 10'],
    ['5', 'The job does not have the frame 5.', '5', 'its 4 frames from 1 to 10'],
    ['3-1', '"3-1" ends before it begins: write 1-3.', '3-1', expect.stringContaining('frames such as 1-10')],
    ['', 'The frame range is empty: name at least one frame, as in 1-10.', '', expect.any(String)],
  ])('refuses the frames "%s" of a job that has 1-3 and 10', async (frames, message, given, allowed) => {
    const job = await submit('1-3 10');
    const { requeueFrames } = await farm.gateway.run<{ requeueFrames: unknown }>(
      `mutation ($input: RequeueFramesInput!) { requeueFrames(input: $input) { ... on InvalidInputError { issues { path message given allowed } } } }`,
      { input: { jobId: job.id, frames } },
    );
    expect(requeueFrames).toEqual({ issues: [{ path: ['frames'], message, given, allowed }] });
  });

  it('says so of a job without frames, and of one that is not there', async () => {
    const job = await farm.submit(independent(1));
    expect(await farm.ask('requeueFrames', { jobId: job.id, frames: '1' })).toMatchObject({
      issues: [{ allowed: 'none: the job has no frames' }],
    });
    await farm.ask('deleteJob', { id: job.id });
    expect(await farm.ask('requeueFrames', { jobId: job.id, frames: '1' })).toMatchObject({
      __typename: 'NotFoundError',
    });
  });
});

describe('secondsLeft', () => {
  const left = async (job: SubmittedJob) =>
    (
      await farm.gateway.run<{ job: { secondsLeft: number | null; progress: number } }>(
        'query ($id: ID!) { job(id: $id) { secondsLeft progress } }',
        { id: job.id },
      )
    ).job;

  it('is the frames left times their median, shared by the workers, once three frames are known', async () => {
    const [worker, other] = [await farm.worker(), await farm.worker('other')];
    const job = await farm.submit([...independent(8), [0, 1, 2, 3, 4, 5, 6, 7]], {
      settings: { frames: '1 2 3 4 5 6 7 8' },
    });
    await complete(worker, '1', 2);
    await complete(worker, '2', 300);
    await worker.claim();
    expect(await left(job)).toEqual({ secondsLeft: null, progress: 2 / 9 });
    await worker.report([...worker.running][0]!, { completed: { outputs: outputs('3', 4) } });
    expect(await left(job)).toEqual({ secondsLeft: null, progress: 3 / 9 });
    await worker.claim();
    expect(await left(job)).toEqual({ secondsLeft: 20, progress: 3 / 9 });
    await other.claim();
    expect(await left(job)).toEqual({ secondsLeft: 10, progress: 3 / 9 });
  });
});

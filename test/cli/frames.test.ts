import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectOneLine, runCommand } from '../support/command-line.ts';
import { FarmWorker } from '../support/farm-worker.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway;
let worker: FarmWorker;
/** Six frames in three tasks, all rendered, and the video. */
let job: string;
beforeAll(async () => {
  gateway = await startTestGateway();
  worker = await FarmWorker.signOn(gateway, 'machine');
  const settings = { blendFile: '/shots/a.blend', frames: '1-6', chunkSize: 2, outputPath: '/out/a_####' };
  const { submitJob } = await gateway.run<{ submitJob: { job: { id: string } } }>(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { ... on SubmitJobSuccess { job { id } } } }',
    { input: { type: 'simple-blender-render', name: 'shot', settings } },
  );
  job = submitJob.job.id;
  await renderAll();
});
afterAll(async () => {
  await gateway.close();
});

/** Completes whatever there is; the names of the tasks. */
async function renderAll(): Promise<string[]> {
  const names: string[] = [];
  for (let claimed = await worker.claim(); claimed; claimed = await worker.claim()) {
    const [first, last] = (/(\d+)-(\d+)/.exec(claimed.task.name) ?? []).slice(1).map(Number);
    const isVideo = claimed.commands.some(({ name }) => name === 'frames-to-video');
    const frames = isVideo || first === undefined ? [] : [first, last!];
    const outputs = frames.map((frame) => ({
      frame,
      path: `/out/a_000${frame}.png`,
      bytes: 100,
      renderSeconds: frame === 4 ? 75 : 1.25,
    }));
    await worker.report(claimed.attemptToken, { completed: { outputs } });
    names.push(claimed.task.name);
  }
  return names;
}

const tablao = (...args: string[]) => runCommand([...args, '--gateway', gateway.url]);

async function statuses(): Promise<string[]> {
  const { stdout } = await tablao('tasks', job, '--json');
  return (JSON.parse(stdout) as { status: string }[]).map(({ status }) => status.toLowerCase());
}

it('job --frames: each frame with its status, its time and its file', async () => {
  const { stdout, exitCode } = await tablao('job', job, '--frames');
  expect(exitCode).toBe(0);
  const [header, ...rows] = stdout.trimEnd().split('\n');
  expect(header).toMatch(/^FRAME +STATUS +TIME +TASK +FILE$/);
  expect(rows).toHaveLength(6);
  expect(rows[0]).toMatch(/^ +1 +completed +1\.3 s +\S.* \/out\/a_0001\.png$/);
  expect(rows[3]).toMatch(/^ +4 +completed +1:15 +\S.* \/out\/a_0004\.png$/);
  const frames = JSON.parse((await tablao('job', job, '--frames', '--json')).stdout) as object[];
  expect(frames[5]).toMatchObject({ number: 6, status: 'COMPLETED', path: '/out/a_0006.png', renderSeconds: 1.25 });
});

it('job: how many frames are done, and the latest', async () => {
  const { stdout } = await tablao('job', job);
  expect(stdout).toMatch(/\n {2}progress +6 of 6 frames, 100 %\n {2}latest +frame 6, 1\.3 s, \/out\/a_0006\.png\n/);
});

it('requeue --frames: the tasks that hold them, and what depends on these', async () => {
  const ended = await tablao('requeue', job, '--frames', '3,6');
  expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
  expect(ended.stdout).toMatch(/^shot: queued; 2 tasks put back: render 3-4, render 5-6\n$/);
  expect(await statuses()).toEqual(['completed', 'queued', 'queued', 'queued']);
  expect((await tablao('requeue', job, '--frames', '3')).stdout).toBe('shot: queued; they were queued already\n');
  expect(await renderAll()).toHaveLength(3);
  const answer = JSON.parse((await tablao('requeue', job, '--frames', '1', '--json')).stdout);
  expect(answer).toMatchObject({
    job: { id: job, status: 'QUEUED' },
    tasks: [{ name: 'render 1-2', status: 'QUEUED' }],
  });
  await renderAll();
});

it('requeue --tasks and cancel --tasks: by their numbers', async () => {
  const requeued = await tablao('requeue', job, '--tasks', '0,2');
  expect(requeued).toMatchObject({ exitCode: 0, stderr: '' });
  expect(requeued.stdout).toMatch(/^.*1-2.*: queued\n.*5-6.*: queued\n$/);
  expect(await statuses()).toEqual(['queued', 'completed', 'queued', 'queued']);
  const canceled = await tablao('cancel', job, '--tasks', '2');
  expect(canceled.stdout).toMatch(/^.*5-6.*: canceled\n$/);
  expect(await statuses()).toEqual(['queued', 'completed', 'canceled', 'queued']);
});

it('says what is wrong with frames and numbers', async () => {
  expectOneLine(await tablao('requeue', job, '--frames', '7'), /^frames: .*7/);
  expectOneLine(await tablao('requeue', job, '--frames', '6-1'), /^frames: .*ends before it begins.*allowed/);
  expectOneLine(await tablao('requeue', 'nobody', '--frames', '1'), /^There is no job with the id "nobody"\.$/m);
  expectOneLine(await tablao('requeue', 'nobody', '--tasks', '1'), /^There is no job with the id "nobody"\.$/m);
  expectOneLine(await tablao('cancel', job, '--tasks', '4'), /^The job has no task 4: .* from 0 to 3\.$/m);
  for (const args of [
    ['requeue', job, job, '--frames', '1'],
    ['requeue', job, '--frames', '1', '--tasks', '1'],
    ['cancel', job, '--tasks', '-3'],
    ['cancel', job, '--tasks', 'first'],
  ]) {
    const { exitCode, stderr } = await tablao(...args);
    expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 2, stderr: expect.stringMatching(/^error: /) });
  }
});

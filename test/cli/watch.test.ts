import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOneLine, runCommand, startCommand } from '../support/command-line.ts';
import { FarmWorker } from '../support/farm-worker.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { startRestartableGateway } from '../support/restartable-gateway.ts';

let gateway: TestGateway;
let worker: FarmWorker;
beforeAll(async () => {
  gateway = await startTestGateway({ retryDelaySeconds: 0 });
  worker = await FarmWorker.signOn(gateway);
});
afterAll(async () => {
  await gateway.close();
});

async function submit(settings = {}, input = {}): Promise<string> {
  const { submitJob } = await gateway.run<{ submitJob: { job: { id: string } } }>(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { ... on SubmitJobSuccess { job { id } } } }',
    { input: { type: 'echo-sleep-test', name: 'watched', settings, ...input } },
  );
  return submitJob.job.id;
}

const watch = (id: string, ...args: string[]) => startCommand(['watch', id, '--gateway', gateway.url, ...args]);

describe('without a terminal it prints a line for each status, and its exit code says how the job ended', () => {
  it('0: completed', async () => {
    const watching = watch(await submit({ repeats: 2 }));
    await watching.says(/^queued, 0\/2 tasks/);
    const first = await worker.claim();
    await watching.says(/^active, 0\/2 tasks\n/m);
    await worker.complete(first!.attemptToken);
    const second = await worker.claim();
    await worker.complete(second!.attemptToken);
    const ended = await watching.ended;
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(ended.stdout.trimEnd().split('\n').at(-1)).toBe('completed, 2/2 tasks');
  });

  it('3: failed, with the reason', async () => {
    const id = await submit({}, { maxAttempts: 1 });
    const attempt = await worker.claim();
    await worker.fail(attempt!.attemptToken, 'The floor gave way.');
    const ended = await watch(id).ended;
    expect(ended.exitCode).toBe(3);
    expect(ended.stdout).toMatch(/^failed, 0\/1 task\n.*The floor gave way\.\n$/s);
  });

  it('4: canceled', async () => {
    const id = await submit();
    const watching = watch(id);
    await watching.says(/queued/);
    await gateway.run('mutation ($id: ID!) { cancelJob(input: { id: $id }) { __typename } }', { id });
    const ended = await watching.ended;
    expect(ended).toMatchObject({ exitCode: 4, stderr: '' });
    expect(ended.stdout).toMatch(/canceled, 0\/1 task\n$/);
  });

  it('130: interrupted, and the job goes on', async () => {
    const id = await submit();
    const watching = watch(id);
    await watching.says(/queued/);
    watching.kill('SIGINT');
    expect(await watching.ended).toMatchObject({ exitCode: 130, stderr: '' });
    const { job } = await gateway.run<{ job: { status: string } }>('query ($id: ID!) { job(id: $id) { status } }', {
      id,
    });
    expect(job.status).toBe('QUEUED');
    await gateway.run('mutation ($id: ID!) { cancelJob(input: { id: $id }) { __typename } }', { id });
  });

  it('1: no such job, or none any more', async () => {
    expectOneLine(await watch('nobody').ended, /^There is no job with the id "nobody"/);
    const id = await submit();
    const watching = watch(id);
    await watching.says(/queued/);
    await gateway.run('mutation ($id: ID!) { deleteJob(input: { id: $id }) { __typename } }', { id });
    const { exitCode, stderr } = await watching.ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringMatching(/^There is no job .*\n$/) });
  });
});

it('prints an object for each state with --json', async () => {
  const watching = watch(await submit(), '--json');
  await watching.says(/QUEUED/);
  const attempt = await worker.claim();
  await watching.says(/ACTIVE/);
  await worker.complete(attempt!.attemptToken);
  const { exitCode, stdout } = await watching.ended;
  const states = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { status: string; taskCounts: { completed: number } });
  expect(exitCode).toBe(0);
  expect(states[0]).toMatchObject({ status: 'QUEUED', taskCounts: { completed: 0 } });
  expect(states.at(-1)).toMatchObject({ status: 'COMPLETED', taskCounts: { completed: 1 } });
});

it('goes on when the gateway comes back', async () => {
  const gateway = await startRestartableGateway();
  const submitted = await runCommand(['submit', '--type', 'echo-sleep-test', '--gateway', gateway.url, '--json']);
  const { id } = (JSON.parse(submitted.stdout) as { job: { id: string } }).job;
  const watching = startCommand(['watch', id, '--gateway', gateway.url]);
  await watching.says(/queued/);
  await gateway.stop();
  await watching.says(/^The gateway is away; trying again until it is back\.\n/m);

  await gateway.start();
  expect(await runCommand(['cancel', id, '--gateway', gateway.url])).toMatchObject({ exitCode: 0 });
  expect(await watching.ended).toMatchObject({ exitCode: 4, stdout: expect.stringMatching(/canceled, 0\/1 task\n$/) });
  await gateway.close();
});

it('submit --watch is both in one', async () => {
  const submitting = startCommand(['submit', '--type', 'echo-sleep-test', '--gateway', gateway.url, '--watch']);
  await submitting.says(/^echo-sleep-test submitted: 1 task\njob .*\nqueued, 0\/1 task/s);
  const attempt = await worker.claim();
  await worker.complete(attempt!.attemptToken);
  expect(await submitting.ended).toMatchObject({ exitCode: 0, stderr: '' });
});

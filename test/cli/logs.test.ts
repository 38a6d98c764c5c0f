import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectOneLine, runCommand, startCommand } from '../support/command-line.ts';
import { type Assignment, FarmWorker } from '../support/farm-worker.ts';
import { type RestartableGateway, startRestartableGateway } from '../support/restartable-gateway.ts';

let gateway: RestartableGateway;
let worker: FarmWorker;
beforeAll(async () => {
  gateway = await startRestartableGateway();
  worker = await FarmWorker.signOn(gateway);
});
afterAll(async () => {
  await gateway.close();
});

interface Submitted {
  readonly jobId: string;
  readonly taskId: string;
}

async function submit(input = {}): Promise<Submitted> {
  const { submitJob } = await gateway.run<{ submitJob: { job: { id: string; tasks: { nodes: { id: string }[] } } } }>(
    `mutation ($input: SubmitJobInput!) { submitJob(input: $input) {
      ... on SubmitJobSuccess { job { id tasks { nodes { id } } } } } }`,
    { input: { type: 'echo-sleep-test', name: 'logged', settings: {}, ...input } },
  );
  const { id, tasks } = submitJob.job;
  return { jobId: id, taskId: tasks.nodes[0]!.id };
}

const logs = (...args: string[]) => startCommand(['logs', ...args, '--gateway', gateway.url]);

async function claim(): Promise<Assignment> {
  const assignment = await worker.claim();
  if (!assignment) throw new Error('There was nothing to claim.');
  return assignment;
}

describe('logs', () => {
  it('prints what is there and ends, whether the attempt has ended or not', async () => {
    const { taskId } = await submit();
    const { attemptToken } = await claim();
    await worker.appendLog(attemptToken, 0, 'Fra:1 Mem:8M\nno line end yet');
    expect(await logs(taskId).ended).toEqual({ exitCode: 0, stdout: 'Fra:1 Mem:8M\nno line end yet', stderr: '' });
    await worker.complete(attemptToken);
    expect(await logs(taskId).ended).toMatchObject({ exitCode: 0, stdout: 'Fra:1 Mem:8M\nno line end yet' });
  });

  it('prints a long log whole', async () => {
    const { taskId } = await submit();
    const { attemptToken } = await claim();
    const text = 'ä line of a log that has very many lines\n'.repeat(3_000).slice(0, 90_000);
    for (let at = 0; at < text.length; at += 30_000)
      await worker.appendLog(attemptToken, Buffer.byteLength(text.slice(0, at)), text.slice(at, at + 30_000));
    await worker.complete(attemptToken);
    expect((await logs(taskId).ended).stdout).toBe(text);
  });

  it('prints the attempt that is asked for, or else the newest', async () => {
    const { taskId } = await submit();
    const first = await claim();
    await worker.appendLog(first.attemptToken, 0, 'one\n');
    await worker.fail(first.attemptToken);
    const second = await claim();
    await worker.appendLog(second.attemptToken, 0, 'two\n');
    await worker.complete(second.attemptToken);
    expect((await logs(taskId).ended).stdout).toBe('two\n');
    expect((await logs(taskId, '--attempt', '1').ended).stdout).toBe('one\n');
    expectOneLine(await logs(taskId, '--attempt', '3').ended, /^The task has no attempt 3\.$/m);
    expect((await logs(taskId, '--attempt', '0').ended).exitCode).toBe(2);
  });

  it('lets no control character through', async () => {
    const { taskId } = await submit();
    const { attemptToken } = await claim();
    await worker.appendLog(attemptToken, 0, '\u001b[2Jcleared\u0007\ttab\r\n');
    await worker.complete(attemptToken);
    expect((await logs(taskId).ended).stdout).toBe('␛[2Jcleared␇\ttab\n');
    expect((await logs(taskId, '--follow').ended).stdout).toBe('␛[2Jcleared␇\ttab\n');
  });

  it('prints an object for each piece with --json', async () => {
    const { taskId } = await submit();
    const { attemptToken } = await claim();
    await worker.appendLog(attemptToken, 0, 'text\n');
    await worker.complete(attemptToken);
    for (const args of [[], ['--follow']]) {
      const { stdout } = await logs(taskId, '--json', ...args).ended;
      const pieces = stdout.trimEnd().split('\n');
      expect(JSON.parse(pieces[0]!)).toEqual({
        attemptNumber: 1,
        text: 'text\n',
        cursor: expect.any(String),
        caughtUp: true,
        ended: true,
      });
    }
  });

  it('says what is wrong with the id, and what to do', async () => {
    const { taskId, jobId } = await submit();
    for (const args of [[], ['--follow']]) {
      expectOneLine(await logs(jobId, ...args).ended, new RegExp(`is a job; .*: tablao tasks ${jobId}$`, 'm'));
      expectOneLine(await logs('nobody', ...args).ended, /^There is no task with the id "nobody"\.$/m);
    }
    expectOneLine(await logs(taskId).ended, /^No worker has been given this task yet; --follow waits/);
    expect(await runCommand(['cancel', jobId, '--gateway', gateway.url])).toMatchObject({ exitCode: 0 });
  });
});

describe('logs --follow', () => {
  it('waits for the first attempt, prints what it prints, and ends with it', async () => {
    const { taskId } = await submit();
    const following = logs(taskId, '--follow');
    const { attemptToken } = await claim();
    await worker.appendLog(attemptToken, 0, 'first\n');
    await following.says(/^first\n/);
    await worker.appendLog(attemptToken, 6, 'second\n');
    await following.says(/^first\nsecond\n/);
    await worker.complete(attemptToken);
    expect(await following.ended).toEqual({ exitCode: 0, stdout: 'first\nsecond\n', stderr: '' });
  });

  it('misses nothing and repeats nothing when the gateway was away', async () => {
    const { taskId } = await submit();
    const { attemptToken } = await claim();
    await worker.appendLog(attemptToken, 0, 'before\n');
    const following = logs(taskId, '--follow');
    await following.says(/^before\n/);
    await gateway.stop();
    await following.says(/The gateway is away; trying again until it is back\.\n/);
    await gateway.start();
    await worker.appendLog(attemptToken, 7, 'after\n');
    await worker.complete(attemptToken);
    expect(await following.ended).toMatchObject({ exitCode: 0, stdout: 'before\nafter\n' });
  });

  it('130: interrupted, and the task goes on', async () => {
    const { taskId } = await submit();
    const { attemptToken } = await claim();
    await worker.appendLog(attemptToken, 0, 'working\n');
    const following = logs(taskId, '--follow');
    await following.says(/working/);
    following.kill('SIGINT');
    expect(await following.ended).toMatchObject({ exitCode: 130, stderr: '' });
    await worker.complete(attemptToken);
  });
});

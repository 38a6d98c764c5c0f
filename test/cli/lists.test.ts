import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectOneLine, runCommand } from '../support/command-line.ts';
import { FarmWorker } from '../support/farm-worker.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

let gateway: TestGateway;
let done: string;
let waiting: string;
beforeAll(async () => {
  gateway = await startTestGateway();
  done = await submit('first', { repeats: 2 });
  const worker = await FarmWorker.signOn(gateway, 'machine');
  for (let i = 0; i < 2; i += 1) await worker.complete((await worker.claim())!.attemptToken);
  waiting = await submit('second', { repeats: 120 });
  await worker.claim();
});
afterAll(async () => {
  await gateway.close();
});

async function submit(name: string, settings: object): Promise<string> {
  const { submitJob } = await gateway.run<{ submitJob: { job: { id: string } } }>(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { ... on SubmitJobSuccess { job { id } } } }',
    { input: { type: 'echo-sleep-test', name, settings } },
  );
  return submitJob.job.id;
}

const tablao = (...args: string[]) => runCommand(['--gateway', gateway.url, ...args]);

async function readJson<Data>(...args: string[]): Promise<Data> {
  const { exitCode, stdout, stderr } = await tablao(...args, '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as Data;
}

it('jobs: a table, the newest first; without colours when it is no terminal', async () => {
  const { stdout } = await tablao('jobs');
  const [header, ...rows] = stdout.trimEnd().split('\n');
  expect(header).toMatch(/^STATUS +DONE +NAME +PRIORITY +SUBMITTER +AGE +ID$/);
  expect(rows).toEqual([
    expect.stringMatching(new RegExp(`^active +0 % +second +50 .* ${waiting}$`)),
    expect.stringMatching(new RegExp(`^completed +100 % +first +50 .* ${done}$`)),
  ]);
});

it('jobs: only some of them', async () => {
  const names = async (...args: string[]) =>
    (await readJson<{ name: string }[]>('jobs', ...args)).map(({ name }) => name);
  expect(await names('--status', 'completed', 'failed')).toEqual(['first']);
  expect(await names('--mine')).toEqual([]);
  expect(await names('--limit', '1')).toEqual(['second']);
  expect((await tablao('jobs', '--limit', '1')).stdout).toMatch(/\n1 of 2 jobs; --limit shows more\.\n$/);
  expect((await tablao('jobs', '--status', 'ended')).exitCode).toBe(2);
});

it('job: what is worth knowing', async () => {
  const { stdout } = await tablao('job', waiting);
  expect(stdout).toMatch(/^second\n {2}id +\S+\n {2}type +echo-sleep-test\n {2}status +active\n/);
  expect(stdout).toMatch(/\n {2}tasks +120: 119 queued, 1 active\n/);
  expect(stdout).toMatch(/\nsettings\n.* repeats +120\n/s);
  expect(await readJson('job', done)).toMatchObject({ id: done, status: 'COMPLETED' });
  expectOneLine(await tablao('job', 'nobody'), /^There is no job with the id "nobody"/);
});

it('tasks: all of them, also beyond one page', async () => {
  const tasks = await readJson<{ index: number; status: string }[]>('tasks', waiting);
  expect(tasks.map(({ index }) => index)).toEqual(Array.from({ length: 120 }, (_, index) => index));
  const [header, first, second] = (await tablao('tasks', waiting)).stdout.split('\n');
  expect(header).toMatch(/^ +# +STATUS +DONE +NAME +FAILED +WORKER +ID$/);
  expect(first).toMatch(/^ +0 +active +0 % +echo 1 +machine /);
  expect(second).toMatch(/^ +1 +queued +0 % +echo 2 +waits for a free worker /);
});

it('workers: what each of them is doing', async () => {
  expect((await tablao('workers')).stdout).toMatch(
    /\nawake +machine +second: echo 1 +blender video misc +3\.4\.1 +\d+ s ago /,
  );
  expect(await readJson('workers')).toMatchObject([{ name: 'machine', status: 'AWAKE' }]);
});

it('cancel, requeue, delete: each job by itself, and exit code 1 when one of them is refused', async () => {
  const [first, second] = [await submit('a', {}), await submit('b', {})];
  expect(await tablao('cancel', first, second)).toEqual({
    exitCode: 0,
    stdout: 'a: canceled\nb: canceled\n',
    stderr: '',
  });
  const refused = await tablao('cancel', first);
  expect(refused).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringMatching(/is canceled/) });
  expect(await tablao('requeue', first)).toEqual({ exitCode: 0, stdout: 'a: queued\n', stderr: '' });
  const deleted = await tablao('delete', first, 'nobody', second);
  expect(deleted.exitCode).toBe(1);
  expect(deleted.stdout).toBe(`deleted ${first}\ndeleted ${second}\n`);
  expect(deleted.stderr).toMatch(/^There is no job .*nobody.*\n$/);
});

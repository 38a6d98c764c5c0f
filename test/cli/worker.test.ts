import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeTestFolder } from '../support/blender.ts';
import { startCommand } from '../support/command-line.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { until } from '../support/processes.ts';
import { PROGRAM } from '../support/worker-process.ts';

let folder: { path: string; remove(): Promise<void> };
let gateway: TestGateway;
beforeAll(async () => {
  folder = await makeTestFolder('worker');
  gateway = await startTestGateway();
});
afterAll(async () => {
  await gateway.close();
  await folder.remove();
});

const argumentsOf = (name: string) => [
  'worker',
  '--gateway',
  gateway.url,
  '--name',
  name,
  '--state-dir',
  join(folder.path, name),
  '--task-types',
  'misc',
];

/** Well below the 10 s for which a client's forgotten timer would hold the process. */
const SOON_MS = 6_000;

/** As an operator does it, once the worker is there. */
async function askToLeave(name: string): Promise<void> {
  const find = async () => {
    const { workers } = await gateway.run<{ workers: { nodes: { id: string; name: string; status: string }[] } }>(
      '{ workers { nodes { id name status } } }',
    );
    return workers.nodes.find((worker) => worker.name === name && worker.status === 'AWAKE');
  };
  await until(async () => (await find()) !== undefined);
  const query = 'mutation ($id: ID!) { requestWorkerStatus(input: { id: $id, status: OFFLINE }) { __typename } }';
  await gateway.run(query, { id: (await find())!.id });
}

it('ends as soon as it has signed off', async () => {
  const worker = startCommand(argumentsOf('leaving'));
  await askToLeave('leaving');
  await worker.says(/signed off/);
  const since = performance.now();
  expect(await worker.ended).toMatchObject({ exitCode: 0 });
  expect(performance.now() - since).toBeLessThan(SOON_MS);
});

it('logs in JSON on a terminal too, when it is asked to', async () => {
  const command = [process.execPath, PROGRAM, ...argumentsOf('terminal'), '--json'].map((word) => `'${word}'`);
  const running = promisify(execFile)('script', ['-qec', command.join(' '), '/dev/null']);
  await askToLeave('terminal');
  const { stdout } = await running;
  const messages = stdout
    .trim()
    .split('\r\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg);
  expect(messages).toEqual(expect.arrayContaining(['signed on', 'signed off']));
});

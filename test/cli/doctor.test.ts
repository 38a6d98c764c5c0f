import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeTestFolder, requireBlender } from '../support/blender.ts';
import { runCommand } from '../support/command-line.ts';
import { dropDatabase } from '../support/database.ts';
import { FarmWorker } from '../support/farm-worker.ts';
import { findFreePort } from '../support/free-port.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

interface Finding {
  readonly subject: string;
  readonly state: string;
  readonly message: string;
  readonly remedy?: string;
}

let folder: { path: string; remove(): Promise<void> };
let gateway: TestGateway;
let worker: FarmWorker;
beforeAll(async () => {
  folder = await makeTestFolder('doctor');
  gateway = await startTestGateway();
  worker = await FarmWorker.signOn(gateway, 'machine');
});
afterAll(async () => {
  await gateway.close();
  await folder.remove();
});

/** A machine without Blender, and whatever else a PATH could hold. */
const BARE = { PATH: dirname(process.execPath) };

const examine = (args: string[] = [], env: NodeJS.ProcessEnv = BARE) =>
  runCommand(['doctor', '--gateway', gateway.url, ...args], { env });

async function findings(args: string[] = [], env?: NodeJS.ProcessEnv): Promise<Finding[]> {
  const { stdout, stderr } = await examine([...args, '--json'], env);
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Finding[];
}
const of = (all: readonly Finding[], subject: string) => all.filter((finding) => finding.subject === subject);

it('finds Blender, what it can render on, the gateway and its workers, and ends with 0', {
  timeout: 60_000,
}, async () => {
  const { program, version } = await requireBlender();
  const { exitCode, stdout, stderr } = await examine(['--blender', program, '--root', `proj=${folder.path}`]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const lines = stdout.split('\n');
  expect(lines).toContain(`✓ Node.js  ${process.versions.node}`);
  expect(lines).toContain(`✓ Blender  ${version} (${program})`);
  expect(stdout).toMatch(/^✓ Cycles {3}can render on CPU \(.+\)/m);
  expect(lines).toContain(`✓ Root     proj is ${folder.path}`);
  expect(stdout).toMatch(new RegExp(`^✓ Gateway  ${gateway.url} serves, version \\S+$`, 'm'));
  expect(lines).toContain('✓ Workers  1 of 1 are awake');
  expect(stdout).toMatch(/\n\nAll is well\.\n$/);
});

it('says how to get Blender; where others render it is no fault that there is none', async () => {
  const [missing] = of(await findings(), 'Blender');
  expect(missing).toMatchObject({
    state: 'note',
    message: 'it is not in PATH; needed only if this machine is to render',
  });
  expect(missing!.remedy).toMatch(/^Install it with ".*blender.*", or name one with --blender\.$/);
  expect((await examine()).exitCode).toBe(0);

  const alone = ['--gateway', `http://127.0.0.1:${await findFreePort()}`];
  expect(of(await findings(alone), 'Blender')).toMatchObject([{ state: 'fault' }]);
  const [named] = of(await findings([...alone, '--blender', '/opt/none']), 'Blender');
  expect(named).toMatchObject({ message: '"/opt/none" is not there', remedy: 'Name another with --blender.' });
});

it('says what a worker with the same options would lack', { timeout: 60_000 }, async () => {
  const { program } = await requireBlender();
  const lacking = ['--root', `proj=${join(folder.path, 'none')}`, '--allow-program', 'no-such-program'];
  const all = await findings(['--blender', program, '--cycles-device', 'METAL', ...lacking]);
  expect(of(all, 'Cycles')).toMatchObject([{ state: 'fault', message: expect.stringMatching(/finds no such device/) }]);
  expect(of(all, 'Root')).toMatchObject([
    { state: 'fault', message: expect.stringMatching(/^proj: there is no folder /) },
  ]);
  expect(of(all, 'Program')).toMatchObject([{ state: 'fault', message: expect.stringMatching(/is not there/) }]);
  expect((await examine(['--root', `proj=${join(folder.path, 'none')}`])).exitCode).toBe(1);
});

it('names a job that no worker can do, and why', async () => {
  await gateway.run(
    `mutation { submitJob(input: { type: "echo-sleep-test", name: "lonely", workerTag: "moon", settings: {} }) { __typename } }`,
  );
  const [job] = of(await findings(), 'Job');
  expect(job).toMatchObject({ state: 'note', message: expect.stringMatching(/^"lonely" waits: .*moon/) });
  expect(job!.remedy).toMatch(/^Look at it: tablao job \S+$/);
});

it('says what to do when nobody renders', async () => {
  await worker.signOff();
  const { exitCode, stdout } = await examine();
  expect(exitCode).toBe(1);
  expect(stdout).toContain('✗ Workers  none of 1 is awake: nothing is rendered\n');
  expect(stdout).toContain(`→ Start one where Blender is: tablao worker --gateway ${gateway.url}\n`);
});

it('tells apart a gateway that is not there, one that cannot serve, and something else', async () => {
  const at = async (url: string) => of(await findings(['--gateway', url]), 'Gateway');
  const nowhere = `http://127.0.0.1:${await findFreePort()}`;
  expect(await at(nowhere)).toEqual([
    {
      subject: 'Gateway',
      state: 'fault',
      message: `Cannot reach the gateway ${nowhere}: nothing listens there.`,
      remedy: 'Start one with "tablao serve", or name another with --gateway.',
    },
  ]);

  const other = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const [none] = await at(`http://127.0.0.1:${(other.address() as AddressInfo).port}`);
  other.close();
  expect(none).toMatchObject({ state: 'fault', message: expect.stringMatching(/is no Tablao gateway$/) });

  const broken = await startTestGateway();
  await dropDatabase(broken.database.config);
  const [away] = await at(broken.url);
  expect(away).toMatchObject({
    state: 'fault',
    message: expect.stringMatching(/is there, but it cannot serve: \S/),
  });
  await broken.close().catch(() => {}); // there is nothing left to be dropped
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { COMMAND_NAMES } from '../../src/cli/program.ts';
import { makeScenes, makeTestFolder } from '../support/blender.ts';
import { findFreePort } from '../support/free-port.ts';
import { createRun } from '../support/gateway.ts';
import { findProcessesIn, until } from '../support/processes.ts';
import { readBlocks, readSection } from '../support/readme.ts';

/*
 * The commands of the README's section "Command line", each as it is written there and in its order, in a bash that was
 * set up as it says: with a gateway, a worker and a scene. Only placeholders are filled in.
 */

const ROOT = resolve(import.meta.dirname, '../..');
const [SETUP = '', SERVING = '', ...BLOCKS] = readBlocks('Command line', 'sh');

/** The commands of a block, without the remarks behind them. */
const commandsOf = (block: string) =>
  block
    .split('\n')
    .map((line) => line.replace(/\s+#.*$/, ''))
    .filter((line) => line !== '');

let folder: { path: string; remove(): Promise<void> };
let port: number;
let environment: NodeJS.ProcessEnv;
const serving: ChildProcess[] = [];

beforeAll(async () => {
  folder = await makeTestFolder('readme-commands');
  await mkdir(join(folder.path, 'shots'));
  await makeScenes(join(folder.path, 'shots'), { a: {} });
  port = await findFreePort();
  const clean = Object.entries(process.env).filter(([name]) => !/^(TABLAO_|DATABASE_URL$|npm_|INIT_CWD$)/.test(name));
  environment = {
    ...Object.fromEntries(clean),
    XDG_STATE_HOME: join(folder.path, 'state'),
    TABLAO_DATA_DIR: join(folder.path, 'data'),
    TABLAO_PORT: String(port),
    TABLAO_GATEWAY: `http://127.0.0.1:${port}`,
  };
}, 120_000);
afterAll(async () => {
  while (serving.length > 0) stopLast();
  // Nothing of it may stay; the shell ends first, and what it has started a moment later.
  await until(async () => (await findProcessesIn(folder.path)).length === 0);
  await folder.remove();
}, 60_000);

function start(command: string): ChildProcess {
  const script = `${SETUP.replace('CLONE', ROOT)}\n${command}`;
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  // A group of its own, as a terminal's line has.
  return spawn('bash', ['-c', script], { cwd: folder.path, env: environment, detached: true, stdio: [...stdio] });
}

/** Starts one that stays; resolves when it has said that. */
async function serve(command: string, sign: RegExp): Promise<void> {
  const child = start(command);
  serving.push(child);
  let output = '';
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}:\n${output}`);
    return sign.test(output);
  });
}

/** As Ctrl-C does it: the whole group gets the signal. */
function stopLast(): void {
  process.kill(-serving.pop()!.pid!, 'SIGINT');
}

/** Runs one to its end, which must be a good one; gives what it printed. */
async function run(command: string): Promise<string> {
  const child = start(command);
  const exit = once(child, 'exit');
  const [stdout, stderr] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  const [exitCode] = await exit;
  expect({ command, exitCode, stderr }).toEqual({ command, exitCode: 0, stderr: '' });
  return stdout;
}

const ask = <Data>(query: string) => createRun(`http://127.0.0.1:${port}`)<Data>(query);
it('runs them all', { timeout: 300_000 }, async () => {
  const [gateway, worker] = commandsOf(SERVING);
  await serve(gateway!, /listens on/);
  await serve(worker!.replace('GATEWAY:4000', `127.0.0.1:${port}`), /signed on/);

  const printed = new Map<string, string>();
  let ids: { job: string; task: string } | undefined;
  for (const command of BLOCKS.flatMap(commandsOf)) {
    // Nothing may be done while these are tried: what is completed cannot be canceled.
    if (command.startsWith('tablao requeue') && serving.length === 2) {
      stopLast();
      await until(async () => (await countAwake()) === 0);
    }
    printed.set(command, await run(command.replace(/\bJOB\b/, ids?.job ?? '').replace(/\bTASK\b/, ids?.task ?? '')));
    ids ??= await findIds();
  }

  const of = (start: string) => [...printed].find(([command]) => command.startsWith(start))![1];
  expect(of('tablao submit shots/a.blend --frames 1-24 --watch')).toMatch(/^completed, 24\/24 frames$/m);
  expect((await stat(join(folder.path, 'shots/render/a/a_000024.png'))).size).toBeGreaterThan(0);
  expect((await stat(join(folder.path, 'shots/render/a/a_1-24-preview.mp4'))).size).toBeGreaterThan(0);
  expect([...printed].find(([command]) => command.includes('--dry-run'))![1]).toMatch(
    /20 frames, 5 tasks; nothing was submitted/,
  );
  expect(of('tablao submit --type echo-sleep-test')).toMatch(/^completed, 5\/5 tasks$/m);
  expect(of('tablao jobs')).toMatch(/^completed +100 % +a /m);
  expect(of('tablao job JOB --frames').trimEnd().split('\n')).toHaveLength(25);
  expect(of('tablao tasks').trimEnd().split('\n')).toHaveLength(26);
  expect(of('tablao logs')).toMatch(/\S/);
  expect(of('tablao watch')).toMatch(/^completed/);
  expect(of('tablao doctor')).toMatch(/All is well\.\n$/);
  expect(of('tablao requeue JOB --frames')).toMatch(/4 tasks put back/);
  expect(of('tablao requeue JOB --tasks')).toMatch(/^.*: queued\n.*: queued\n$/);
  expect(of('tablao cancel')).toBe('a: canceled\n');
  expect(of('tablao requeue JOB')).toMatch(/^a: queued/);
  expect(of('tablao delete')).toBe(`deleted ${ids?.job}\n`);
});

/** Of the job that was submitted first, and of its first task. */
async function findIds(): Promise<{ job: string; task: string }> {
  const { jobs } = await ask<{ jobs: { nodes: { id: string; tasks: { nodes: { id: string }[] } }[] } }>(
    '{ jobs(last: 1) { nodes { id tasks(first: 1) { nodes { id } } } } }',
  );
  const [job] = jobs.nodes;
  return { job: job!.id, task: job!.tasks.nodes[0]!.id };
}

async function countAwake(): Promise<number> {
  const { workers } = await ask<{ workers: { nodes: { status: string }[] } }>('{ workers { nodes { status } } }');
  return workers.nodes.filter(({ status }) => status === 'AWAKE').length;
}

it('names every command in the table, and no other', () => {
  const table = readSection('Command line')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  const named = table.flatMap((line) => [...line.split('|')[1]!.matchAll(/`(\w+)/g)].map((match) => match[1]!));
  expect(named.sort()).toEqual([...COMMAND_NAMES].sort());
});

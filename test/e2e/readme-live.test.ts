import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { blockOutside, launchChromium } from '../support/browser.ts';
import { FarmWorker } from '../support/farm-worker.ts';
import { execute, PATIENCE, readResult } from '../support/graphiql.ts';
import { globalId } from '../support/live-gateway.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { readBlock, readBlocks } from '../support/readme.ts';
import { type RestartableGateway, startRestartableGateway } from '../support/restartable-gateway.ts';

/*
 * The README's live examples as they stand there, but for the gateway's address.
 */

const ADDRESS = '127.0.0.1:4000';
const ROOT = resolve(import.meta.dirname, '../..');

let gateway: RestartableGateway;
let folder: string;
beforeAll(async () => {
  gateway = await startRestartableGateway();
  folder = await mkdtemp(resolve(tmpdir(), 'tablao-readme-'));
  // What a reader has installed.
  await symlink(resolve(ROOT, 'node_modules'), resolve(folder, 'node_modules'), 'junction');
  await writeFile(resolve(folder, 'package.json'), '{ "type": "module" }');
});
afterAll(async () => {
  await gateway?.close();
  await rm(folder, { recursive: true, force: true });
});

const here = (example: string) => example.replaceAll(ADDRESS, new URL(gateway.url).host);

/** What a program prints, line by line, until the test ends it. */
interface Printing {
  lines(): readonly string[];
  kill(): Promise<void>;
}
const running: Printing[] = [];
afterEach(async () => {
  for (const program of running.splice(0)) await program.kill();
});

function start(command: string, ...args: string[]): Printing {
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const ended = new Promise((done) => child.once('exit', done));
  const program: Printing = {
    lines: () => output.split('\n').slice(0, -1),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
  running.push(program);
  return program;
}

const cancel = (id: string) =>
  gateway.run('mutation ($id: ID!) { cancelJob(input: { id: $id }) { __typename } }', { id });

describe('in GraphiQL', () => {
  let browser: Browser;
  let context: BrowserContext;
  let outside: readonly string[];
  beforeAll(async () => {
    browser = await launchChromium();
    context = await browser.newContext({ viewport: { width: 1400, height: 860 } });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    outside = await blockOutside(context, gateway.url);
  });
  afterAll(async () => {
    expect(outside).toEqual([]);
    await browser?.close();
  });

  it('the list stays up to date', { timeout: 120_000 }, async () => {
    const page = await execute(context, gateway.url, readBlock('A list that stays up to date', 'graphql'));
    await expect.poll(() => readResult(page), PATIENCE).toContain('"order":[');
    const id = globalId('Job', await submitPlainJob(gateway.store, 3, { name: 'newest' }));
    await expect.poll(() => readResult(page), PATIENCE).toContain(`"id":"${id}","name":"newest","status":"QUEUED"`);
    await cancel(id);
    await expect.poll(() => readResult(page), PATIENCE).toContain(`"id":"${id}","name":"newest","status":"CANCELED"`);
    expect(await readResult(page)).toContain(`"order":["${id}"`);
  });

  it('one job is followed until it is deleted', { timeout: 120_000 }, async () => {
    const id = globalId('Job', await submitPlainJob(gateway.store, 3, { name: 'followed' }));
    const page = await execute(context, gateway.url, readBlock('One job', 'graphql').replace('JOB', id));
    await expect.poll(() => readResult(page), PATIENCE).toContain('"name":"followed","status":"QUEUED"');
    await cancel(id);
    await expect.poll(() => readResult(page), PATIENCE).toContain('"name":"followed","status":"CANCELED"');
    await gateway.run('mutation ($id: ID!) { deleteJob(input: { id: $id }) { __typename } }', { id });
    await expect.poll(() => readResult(page), PATIENCE).toContain(`"message":"Thereisnojobwiththeid\\"${id}\\".`);
  });
});

it('curl shows the workers, and then what changes', async () => {
  const commands = readBlocks('Without any client', '');
  expect(commands).toHaveLength(1);
  const curl = start('sh', '-c', `exec ${here(commands[0]!)}`);
  const changes = () =>
    curl
      .lines()
      .filter((line) => line.startsWith('data: {'))
      .flatMap((line) => JSON.parse(line.slice(6)).data.workersUpdated.changed as { name: string; status: string }[]);
  await expect.poll(() => curl.lines(), PATIENCE).toContainEqual(expect.stringMatching(/^data: \{.*"order":\[/));
  const worker = await FarmWorker.signOn(gateway, 'seen');
  await expect.poll(changes, PATIENCE).toContainEqual({ name: 'seen', status: 'AWAKE' });
  await worker.signOff();
  await expect.poll(changes, PATIENCE).toContainEqual({ name: 'seen', status: 'OFFLINE' });
});

describe.each([
  { language: 'python', file: 'follow.py', command: 'python3' },
  { language: 'ts', file: 'follow.ts', command: process.execPath },
])('the follower in $language', ({ language, file, command }) => {
  it('sees every change once and in order, also those that were made while the gateway was away', {
    timeout: 90_000,
  }, async () => {
    await writeFile(resolve(folder, file), here(readBlock('To miss nothing', language)));
    const follower = start(command, resolve(folder, file));
    const seen = () => follower.lines().filter((line) => /^\S+ \d+ [A-Z_]+$/.test(line));
    const expected: string[] = [];
    const note = (id: string, ...reasons: string[]) => {
      for (const [index, reason] of reasons.entries()) expected.push(`${id} ${index + 1} ${reason}`);
    };
    /** A job with everything that happens to it, past whatever gateway is there. */
    const play = async () => {
      const id = globalId('Job', await submitPlainJob(gateway.store, 1));
      note(id, 'SUBMITTED', 'SUBMITTED');
      return id;
    };

    // From when on it follows only its first answer says: so it is given jobs until it has seen one.
    await expect
      .poll(async () => {
        if (seen().length === 0) await play();
        return seen();
      }, PATIENCE)
      .not.toEqual([]);
    const first = expected.indexOf(seen()[0]!);
    expect(first).toBeGreaterThanOrEqual(0);
    expected.splice(0, first);

    for (let round = 0; round < 2; round += 1) {
      await play();
      await expect.poll(seen, PATIENCE).toEqual(expected);
      await gateway.stop();
      await play();
      await play();
      await gateway.start();
      await expect.poll(seen, PATIENCE).toEqual(expected);
    }
  });
});

it('the TypeScript is accepted by its compiler', { timeout: 60_000 }, async () => {
  const file = resolve(folder, 'checked.ts');
  await writeFile(file, readBlock('To miss nothing', 'ts'));
  const options = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'esnext',
    '--types',
    'node',
    '--skipLibCheck',
  ];
  const compiler = resolve(ROOT, 'node_modules/typescript/bin/tsc');
  await promisify(execFile)(process.execPath, [compiler, ...options, '--ignoreConfig', file], { cwd: folder });
});

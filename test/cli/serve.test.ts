import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { WebSocket } from 'ws';
import { migrate } from '../../src/store/migrate.ts';
import { makeTestFolder } from '../support/blender.ts';
import { expectOneLine, runCommand, startCommand } from '../support/command-line.ts';
import { createEmptyDatabase, dropDatabase } from '../support/database.ts';
import { findFreePort } from '../support/free-port.ts';
import { findProcessesIn, until } from '../support/processes.ts';

let folder: { path: string; remove(): Promise<void> };
beforeAll(async () => {
  folder = await makeTestFolder('serve');
});
afterAll(async () => {
  expect(await findProcessesIn(folder.path)).toEqual([]);
  await folder.remove();
});

interface Serving {
  readonly url: string;
  readonly jobTypeFaults: object[];
  readonly worker: { readonly pid: number; readonly isAdopted: boolean };
}

function startServe(...args: string[]) {
  const command = startCommand(['serve', '--json', '--log-level', 'warn', ...args]);
  const ready = command.says(/^\{"version".*\}\n/m).then(([line]) => JSON.parse(line) as Serving);
  return { ...command, ready };
}

async function ask<Data>(url: string, query: string): Promise<Data> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
  return ((await response.json()) as { data: Data }).data;
}

const isAlive = (pid: number) => findProcessesIn(folder.path).then((pids) => pids.includes(pid));

describe('a gateway with its own database and worker', () => {
  it('goes on with the same data and the same worker after kill -9, and ends with 0 at SIGTERM, whoever listens', async () => {
    const data = join(folder.path, 'data');
    const port = String(await findFreePort());
    const types = join(folder.path, 'types');
    await mkdir(types);
    await writeFile(join(types, 'broken.mjs'), 'export default {\n  name: }');
    const machine = ['--job-types', types, '--root', `proj=${folder.path}`, '--cycles-device', 'CPU'];
    const killed = startServe('--data-dir', data, '--port', port, ...machine);
    const first = await killed.ready;
    expect(first.worker.isAdopted).toBe(false);
    expect(first.jobTypeFaults).toMatchObject([{ file: 'broken.mjs', line: 2 }]);
    const { submitJob } = await ask<{ submitJob: { job: { id: string } } }>(
      first.url,
      `mutation { submitJob(input: { type: "echo-sleep-test", name: "long", settings: { sleepSeconds: 3600 } }) {
        ... on SubmitJobSuccess { job { id } } } }`,
    );
    const statusOf = async (url: string) =>
      (await ask<{ job: { status: string } }>(url, `{ job(id: "${submitJob.job.id}") { status } }`)).job;
    await until(async () => (await statusOf(first.url)).status === 'ACTIVE');

    const { workers } = await ask<{ workers: { nodes: { offers: string[] }[] } }>(
      first.url,
      '{ workers { nodes { offers } } }',
    );
    expect(workers.nodes[0]!.offers).toContain('root:proj');

    const refused = await runCommand(['serve', '--data-dir', data, '--port', '0']);
    expectOneLine(
      refused,
      new RegExp(`The data directory .*data is in use by another gateway \\(pid ${killed.pid}\\)`),
    );

    killed.kill('SIGKILL');
    await killed.ended;
    expect(await isAlive(first.worker.pid)).toBe(true);

    const again = startServe('--data-dir', data, '--port', port);
    const second = await again.ready;
    expect(second.worker).toMatchObject({ pid: first.worker.pid, isAdopted: true });
    expect(await statusOf(second.url)).toEqual({ status: 'ACTIVE' });

    const { closed } = await subscribe(second.url);
    again.kill('SIGTERM');
    expect(await again.ended).toMatchObject({ exitCode: 0 });
    await closed;
    expect(await findProcessesIn(folder.path)).toEqual([]);
  });
});

describe('a worker that outlived its gateway', () => {
  it.each([
    ['OFFLINE', 'stays away', /asked to leave/],
    ['RESTART', 'comes back at once', /restarts, as it was asked to/],
  ])('when it is asked to be %s, %s', { timeout: 90_000 }, async (status, _what, expected) => {
    const data = join(folder.path, `adopted-${status.toLowerCase()}`);
    const port = String(await findFreePort());
    const killed = startServe('--data-dir', data, '--port', port);
    const { worker } = await killed.ready;
    const signedOn = '{ workers { nodes { id status } } }';
    const read = async (url: string) =>
      (await ask<{ workers: { nodes: { id: string; status: string }[] } }>(url, signedOn)).workers.nodes[0];
    const { url } = await killed.ready;
    await until(async () => (await read(url))?.status === 'AWAKE');
    killed.kill('SIGKILL');
    await killed.ended;

    const again = startServe('--data-dir', data, '--port', port, '--log-level', 'info');
    expect((await again.ready).worker).toMatchObject({ pid: worker.pid, isAdopted: true });
    const { id } = (await read(url))!;
    await ask(url, `mutation { requestWorkerStatus(input: { id: "${id}", status: ${status} }) { __typename } }`);
    const [said] = await again.says(/the local worker (was asked to leave|restarts, as it was asked to|has ended)/);
    expect(said).toMatch(expected);
    expect(await isAlive(worker.pid)).toBe(false);
    if (status === 'RESTART') await until(async () => (await read(url))?.status === 'AWAKE');
    again.kill('SIGTERM');
    expect(await again.ended).toMatchObject({ exitCode: 0 });
  });
});

/** Listens to the feed; resolves when the gateway has taken the subscription. */
async function subscribe(url: string): Promise<{ closed: Promise<void> }> {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
  });
  const closed = new Promise<void>((resolve) => client.on('closed', () => resolve()));
  const changes = client.iterate({ query: 'subscription { statusChanges { __typename } }' });
  await changes.next(); // the first message comes at once
  changes.next().catch(() => {}); // and nobody ends it from this side
  return { closed };
}

describe('what keeps a gateway from starting is said in one line', () => {
  const databaseUrl = () => toUrl(inject('templateDatabase'));
  const serve = (...args: string[]) => runCommand(['serve', '--no-worker', '--log-level', 'silent', ...args]);

  it('a port that is taken', async () => {
    const database = await createEmptyDatabase();
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const ended = await serve(
      '--port',
      String(port),
      '--database-url',
      toUrl(database),
      '--data-dir',
      join(folder.path, 'taken'),
    );
    taken.close();
    await dropDatabase(database);
    expectOneLine(ended, new RegExp(`^Port ${port} of 127.0.0.1 is taken`));
  });

  // Not even root may make a folder there.
  it.each(['/sys/tablao', '/proc/tablao', '/etc/passwd/tablao'])(
    'a data directory that cannot be written: %s',
    async (path) => {
      expectOneLine(await serve('--data-dir', path), new RegExp(`^The data directory ${path} cannot be used: `));
    },
  );

  it('a database that nobody reaches, without its password, and leaves no folder behind', async () => {
    const away = join(folder.path, 'away');
    const ended = await serve('--database-url', 'postgresql://me:secret@127.0.0.1:1/farm', '--data-dir', away);
    expectOneLine(ended, /^Cannot reach the database "farm" at 127.0.0.1:1 as user "me": nothing listens there/);
    expect(ended.stderr).not.toContain('secret');
    expect(existsSync(away)).toBe(false);
  });

  it('a database that is newer than the program', async () => {
    const database = await createEmptyDatabase();
    const pool = new Pool(database);
    await migrate(pool, { logger: pino({ level: 'silent' }) });
    await pool.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('next', 'x', '20990101000000_next', now())`,
    );
    await pool.end();
    const ended = await serve('--database-url', toUrl(database), '--data-dir', join(folder.path, 'newer'));
    await dropDatabase(database);
    expectOneLine(ended, /^The database is newer than this program/);
  });

  it('a webhook that is none, or whose notices nobody could trust', async () => {
    for (const url of ['example.org', 'ftp://example.org/x', 'https://me:secret@example.org/'])
      expect((await serve('--webhook', url)).exitCode).toBe(2);
    const hook = ['--webhook', 'https://example.org/hook'];
    expectOneLine(await serve(...hook), /^--webhook needs --webhook-secret-file/);
    const file = join(folder.path, 'secret');
    expectOneLine(await serve(...hook, '--webhook-secret-file', file), /^The secret file ".*" cannot be read/);
    await writeFile(file, 'too short');
    expectOneLine(
      await serve(...hook, '--webhook-secret-file', file),
      /holds no secret of at least 24 bytes in base64/,
    );
  });

  it('an address that others reach, as long as there are no tokens', async () => {
    const ended = await serve(
      '--host',
      '0.0.0.0',
      '--database-url',
      databaseUrl(),
      '--data-dir',
      join(folder.path, 'open'),
    );
    expectOneLine(ended, /^Not listening on 0.0.0.0: .* --allow-anonymous/);
  });
});

/** `host` is the folder of the server's socket. */
function toUrl({ host, port, user, password, database }: ReturnType<typeof inject<'templateDatabase'>>): string {
  return `postgresql://${user}:${password}@/${database}?host=${encodeURIComponent(String(host))}&port=${port}`;
}

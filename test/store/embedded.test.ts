import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Client, type ClientConfig } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SetupError } from '../../src/domain/setup-error.ts';
import { type DataDirectory, openDataDirectory } from '../../src/store/data-directory.ts';
import { type EmbeddedServer, startEmbedded } from '../../src/store/embedded.ts';
import { findProcessesIn, until } from '../support/processes.ts';
import { copyProgram, type ProgramCopy } from '../support/program-copy.ts';

/** What the gateway's log says. */
let said: string[] = [];
const logger = pino({ base: null }, { write: (line: string) => void said.push(JSON.parse(line).msg) });
const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

/** A folder per test, which everybody may enter. */
let root: string;
let folder: string;
const servers: { server: EmbeddedServer; directory: DataDirectory }[] = [];
const hosts: ChildProcess[] = [];

beforeEach(async () => {
  said = [];
  root = await realpath(await mkdtemp(join(tmpdir(), 'tablao-embedded-')));
  await chmod(root, 0o755);
  folder = join(root, 'data');
});

afterEach(async () => {
  for (const host of hosts.splice(0)) host.kill('SIGKILL');
  for (const { server, directory } of servers.splice(0)) {
    await server.stop();
    await directory.release();
  }
  await until(async () => (await findProcessesIn(folder)).length === 0);
  await rm(root, { recursive: true });
});

async function start(testSettings: Record<string, string> = { fsync: 'off' }): Promise<EmbeddedServer> {
  const directory = await openDataDirectory(folder);
  try {
    const server = await startEmbedded({ directory, logger, testSettings });
    servers.push({ server, directory });
    return server;
  } catch (error) {
    await directory.release();
    throw error;
  }
}

async function ask<Row>(config: ClientConfig, sql: string): Promise<Row> {
  const client = new Client(config);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows[0];
  } finally {
    await client.end();
  }
}

interface HostOptions {
  program?: ProgramCopy;
  env?: Record<string, string>;
  uid?: number;
}
type HostLine = { config: ClientConfig; error?: undefined } | { error: string; message: string; config?: undefined };

/** Starts a gateway's first steps as a process of their own; resolves with what it prints. */
async function startHost({
  program,
  env = {},
  uid,
}: HostOptions = {}): Promise<{ host: ChildProcess; line: HostLine }> {
  const [node, script] = program
    ? [program.node, program.embeddedHost]
    : [process.execPath, resolve('test/support/embedded-host.ts')];
  const host = spawn(node, [script, folder], {
    cwd: '/',
    env: { PATH: process.env.PATH, HOME: root, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  hosts.push(host);
  const [line] = await once(createInterface({ input: host.stdout! }), 'line');
  return { host, line: JSON.parse(line) };
}

function configOf(line: HostLine): ClientConfig {
  if (line.error !== undefined) throw new Error(line.message);
  return line.config;
}

async function readServerPid(): Promise<number> {
  return Number.parseInt(await readFile(join(folder, 'postgres/data/postmaster.pid'), 'utf8'), 10);
}

async function kill(host: ChildProcess): Promise<void> {
  host.kill('SIGKILL');
  if (host.exitCode === null && host.signalCode === null) await once(host, 'exit');
}

describe('the embedded server', () => {
  it('gives a role without superuser rights a database of its own, in UTF-8, on the disk at every commit', async () => {
    const { config } = await start({});
    const row = await ask(
      config,
      `SELECT rolsuper, rolcreatedb, rolcreaterole, pg_get_userbyid(datdba) = current_user AS owner,
              pg_encoding_to_char(encoding) AS encoding, current_setting('fsync') AS fsync,
              current_setting('synchronous_commit') AS commit, upper('ñandú') AS upper
         FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()`,
    );
    expect(row).toEqual({
      rolsuper: false,
      rolcreatedb: false,
      rolcreaterole: false,
      owner: true,
      encoding: 'UTF8',
      fsync: 'on',
      commit: 'on',
      upper: 'ÑANDÚ',
    });
  });

  it('listens on no port, asks for a password, and shows files and socket to nobody else', async () => {
    const { config } = await start();
    expect(await ask(config, 'SHOW listen_addresses')).toEqual({ listen_addresses: '' });
    await expect(ask({ ...config, password: 'guessed' }, 'SELECT')).rejects.toThrow('password authentication failed');
    for (const path of ['data', 'socket']) {
      expect((await stat(join(folder, 'postgres', path))).mode & 0o077, path).toBe(0);
    }
    expect((await stat(join(folder, 'postgres/secret.json'))).mode & 0o777).toBe(0o600);
  });

  it('stops within a second, also when asked twice and with a client connected, and leaves no process', async () => {
    const server = await start();
    const client = new Client(server.config);
    client.on('error', () => {});
    await client.connect();
    const before = performance.now();
    await Promise.all([server.stop(), server.stop()]);
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(await findProcessesIn(folder)).toEqual([]);
  });

  it('goes on with the same data after a stop', async () => {
    const first = await start();
    await ask(first.config, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();
    await servers.pop()?.directory.release();

    const second = await start();
    expect(await ask(second.config, 'SELECT answer FROM kept')).toEqual({ answer: 42 });
  });

  it('works in a folder with blanks, commas, quotes and letters beyond ASCII in its name', async () => {
    folder = join(root, `Rendu d'été, "finals"`);
    const { config } = await start();
    expect(config.host).toContain(folder);
    await ask(config, 'SELECT');
  });

  it('uses a port on 127.0.0.1 where the path is too long for a socket', async () => {
    folder = join(root, 'x'.repeat(100));
    const { config, superuser } = await start();
    expect(config.host).toBe('127.0.0.1');
    expect(await ask(superuser, 'SHOW unix_socket_directories')).toEqual({ unix_socket_directories: '' });
    await expect(ask({ ...config, password: 'guessed' }, 'SELECT')).rejects.toThrow('password authentication failed');
  });

  it('starts whatever locale and whatever PostgreSQL variables the gateway was started with', async () => {
    const env = {
      LANG: 'xx_YY.invalid',
      LC_ALL: 'xx_YY.invalid',
      PGDATA: '/nonexistent',
      PGHOST: '192.0.2.1',
      PGPORT: '1',
      PGUSER: 'x',
      PGDATABASE: 'x',
      PGSSLMODE: 'require',
    };
    const { line } = await startHost({ env });
    expect(await ask(configOf(line), 'SHOW server_encoding')).toEqual({ server_encoding: 'UTF8' });
  });

  it('shuts down in good order when a service manager has sent SIGTERM to each of its processes', async () => {
    const server = await start();
    const client = new Client(server.config);
    client.on('error', () => {});
    await client.connect();
    for (const pid of await findProcessesIn(folder)) process.kill(pid, 'SIGTERM');
    await server.stop();
    expect(await findProcessesIn(folder)).toEqual([]);
    expect(await readFile(join(folder, 'postgres/server.log'), 'utf8')).toContain('database system is shut down');
  });

  it('is ended even when it is halted', async () => {
    const server = await start();
    process.kill(await readServerPid(), 'SIGSTOP');
    await server.stop(50);
    await until(async () => (await findProcessesIn(folder)).length === 0);
  });

  it('says that it recovers after a crash, and only then', async () => {
    const recovery = () => said.filter((line) => /good order/.test(line));
    const stop = async () => {
      const { server, directory } = servers.pop()!;
      await server.stop();
      await directory.release();
    };
    await start();
    await stop();
    const { lost } = await start();
    expect(recovery()).toEqual([]);

    process.kill(await readServerPid(), 'SIGKILL');
    await lost;
    await stop();
    await start();
    expect(recovery()).toEqual(['the database was not shut down in good order: it recovers what was committed']);
  });

  it('says so when the server ends unasked', async () => {
    const server = await start();
    process.kill(await readServerPid(), 'SIGKILL');
    const error = await server.lost;
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toContain('PostgreSQL has ended unexpectedly');
    await server.stop();
  });
});

describe('a gateway that was killed with -9', () => {
  it('takes its server along, and the next one goes on with the same data', async () => {
    const { host, line } = await startHost();
    await ask(configOf(line), 'CREATE TABLE kept AS SELECT 42 AS answer');
    await kill(host);
    await until(async () => (await findProcessesIn(folder)).length === 0);

    const { config } = await start();
    expect(await ask(config, 'SELECT answer FROM kept')).toEqual({ answer: 42 });
  });

  it('leaves a server only if its watchdog was killed too, and the next one stops that server first', async () => {
    const { host, line } = await startHost();
    await ask(configOf(line), 'CREATE TABLE kept AS SELECT 42 AS answer');
    const orphan = await readServerPid();
    const watchdogs: number[] = [];
    for (const pid of await findProcessesIn(folder)) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8');
      if (command.startsWith('/bin/sh')) watchdogs.push(pid);
    }
    expect(watchdogs).toHaveLength(2);
    for (const pid of watchdogs) process.kill(pid, 'SIGKILL');
    await kill(host);
    expect(await findProcessesIn(folder)).toContain(orphan);

    const { config } = await start();
    expect(await readServerPid()).not.toBe(orphan);
    expect(await ask(config, 'SELECT answer FROM kept')).toEqual({ answer: 42 });
  });

  it('in the middle of making the database leaves nothing that hinders the next one', async () => {
    const host = spawn(process.execPath, [resolve('test/support/embedded-host.ts'), folder], { stdio: 'ignore' });
    hosts.push(host);
    await until(async () => (await findProcessesIn(join(folder, 'postgres.new-'))).length > 0);
    await kill(host);
    await ask((await start()).config, 'SELECT');
  });

  it('leaves a file with a number that another program has now: that program is not touched', async () => {
    const { config, stop } = await start();
    await ask(config, 'SELECT');
    const pidFile = join(folder, 'postgres/data/postmaster.pid');
    const lines = (await readFile(pidFile, 'utf8')).split('\n');
    const { uid } = await stat(pidFile);
    await stop();
    await servers.pop()?.directory.release();

    const innocent = spawn('sleep', ['60'], { ...(isRoot && { uid }) });
    try {
      await writeFile(pidFile, [innocent.pid, ...lines.slice(1)].join('\n'));
      if (isRoot) await chown(pidFile, uid, uid);
      await ask((await start()).config, 'SELECT');
      expect(innocent.signalCode).toBeNull();
      expect(process.kill(innocent.pid!, 0)).toBe(true);
    } finally {
      innocent.kill();
    }
  });
});

describe('in one clear line it refuses', () => {
  it('a data directory that another gateway uses, whose database goes on', async () => {
    const { host, line } = await startHost();
    const second = await startHost();
    expect(second.line).toMatchObject({ error: 'SetupError' });
    expect(second.line.error && second.line.message).toContain(`in use by another gateway (pid ${host.pid})`);
    await ask(configOf(line), 'SELECT');
  });

  it('a database that another major version of PostgreSQL made', async () => {
    await (await start()).stop();
    await servers.pop()?.directory.release();
    await writeFile(join(folder, 'postgres/data/PG_VERSION'), '17\n');
    await expect(start()).rejects.toThrow(/was made by PostgreSQL 17, and this program brings PostgreSQL 18/);
  });

  it('to go on when the server does not start, and says why', async () => {
    const error = await start({ shared_buffers: 'plenty' }).catch((error) => error);
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toMatch(/^PostgreSQL did not start: .*shared_buffers.*server\.log/);
    expect(error.message).not.toContain('\n');
  });

  it('a database whose passwords are lost', async () => {
    await (await start()).stop();
    await servers.pop()?.directory.release();
    await rm(join(folder, 'postgres/secret.json'));
    await expect(start()).rejects.toThrow(/passwords cannot be read: ENOENT/);
  });
});

// An ordinary user cannot become another one: as such, everything above has shown what these show as root.
describe.runIf(isRoot)('started by root', () => {
  /** Holds a copy of the program; open to everybody unless a test closes it. */
  let home: string;
  let program: ProgramCopy;
  beforeAll(async () => {
    home = await realpath(await mkdtemp(join(tmpdir(), 'tablao-home-')));
    await chmod(home, 0o755);
    program = await copyProgram(join(home, 'program'));
  });
  afterAll(() => rm(home, { recursive: true }));

  it('works for an ordinary user too, and later as root on that user’s folder', async () => {
    await mkdir(folder);
    await chown(folder, NOBODY, NOBODY);
    const { host, line } = await startHost({ program, uid: NOBODY });
    await ask(configOf(line), 'CREATE TABLE kept AS SELECT 42 AS answer');
    expect((await stat(`/proc/${await readServerPid()}`)).uid).toBe(NOBODY);
    host.kill('SIGTERM');
    await once(host, 'exit');

    expect(await ask((await start()).config, 'SELECT answer FROM kept')).toEqual({ answer: 42 });
  });

  it('refuses in one line a folder that the ordinary user may not write', async () => {
    await mkdir(folder);
    const { line } = await startHost({ program, uid: NOBODY });
    expect(line).toEqual({
      error: 'SetupError',
      message: `The data directory ${folder} cannot be used: permission denied.`,
    });
  });

  it('runs the server as an ordinary user, also when that user may not enter the program’s folder', async () => {
    await chmod(home, 0o700);
    try {
      const { line } = await startHost({ program });
      await ask(configOf(line), 'SELECT');
      expect((await stat(`/proc/${await readServerPid()}`)).uid).not.toBe(0);
    } finally {
      await chmod(home, 0o755);
    }
  });

  it('refuses in one line a data directory in a folder that this user may not enter, naming it', async () => {
    await mkdir(join(root, 'home'), { mode: 0o700 });
    folder = join(root, 'home', 'data');
    await expect(start()).rejects.toThrow(`may not enter ${join(root, 'home')}. Choose another folder`);
  });
});

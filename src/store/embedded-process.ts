import { execFile, spawn } from 'node:child_process';
import { chown, open, readdir, readFile, readlink, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Binaries, runProgram, SERVER_ENVIRONMENT } from './embedded-binaries.ts';
import type { Cluster } from './embedded-cluster.ts';
import type { ServerUser } from './embedded-user.ts';

const execute = promisify(execFile);

/**
 * Starts the server and stops it when the pipe on stdin ends: the pipe's other end is the gateway's, and a gateway that
 * was killed with -9 closes it too, so no server outlives its gateway. Ends when the server ends, with its exit code.
 * The server must not have the pipe as its own input, nor the reader /dev/null, which a shell gives to what runs beside it.
 * A service manager that signals every process of the gateway must not kill the watchdog before its server.
 */
const WATCHDOG = `trap '' HUP INT TERM
exec 3<&0
"$@" </dev/null 3<&- & server=$!
{ read -r _ <&3; kill -INT $server; } & reader=$!
exec 3<&-
wait $server; code=$?
kill -9 $reader 2>/dev/null
exit $code`;

/** Longer than the disk of any farm needs for what 32 MB of buffers can hold back. */
const FAST_STOP_MS = 20_000;

export interface ServerProcess {
  /** Resolves when the server has ended, for whatever reason. */
  readonly ended: Promise<void>;
  hasEnded(): boolean;
  /** Idempotent. A server that takes longer than the patience to write everything to the disk is killed. */
  stop(patienceMs?: number): Promise<void>;
}

export interface ServerOptions {
  binaries: Binaries;
  cluster: Cluster;
  user: ServerUser | undefined;
  /** Configuration parameters by name. */
  settings: Record<string, string>;
}

export async function spawnServer(options: ServerOptions): Promise<ServerProcess> {
  const { binaries, cluster, user, settings } = options;
  const args = ['-D', cluster.data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const isWindows = process.platform === 'win32';
  const [program, programArgs] = isWindows
    ? [binaries.postgres, args]
    : ['/bin/sh', ['-c', WATCHDOG, 'sh', binaries.postgres, ...args]];

  const log = await openLog(cluster, user);
  const child = spawn(program, programArgs, {
    env: SERVER_ENVIRONMENT,
    cwd: cluster.data,
    stdio: ['pipe', log.fd, log.fd],
    // A session of its own: Ctrl-C in the terminal would stop the database before the gateway has shut down.
    detached: true,
    windowsHide: true,
    ...(user && { uid: user.uid, gid: user.gid }),
  });
  await log.close();
  child.stdin?.on('error', () => {});

  let isOver = false;
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      isOver = true;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });

  const stop = async (patienceMs: number) => {
    if (isWindows) await stopByForce(options);
    else child.stdin?.end();
    const patience = new AbortController();
    await Promise.race([ended, delay(patienceMs, undefined, { signal: patience.signal }).catch(() => {})]);
    patience.abort();
    // The whole group, as after a power cut: nothing that was committed is lost. The other processes follow by themselves.
    if (!isOver && child.pid !== undefined) process.kill(isWindows ? child.pid : -child.pid, 'SIGKILL');
    await ended;
    // The watchdog may have been killed and have left the server behind.
    await clearOrphan(options);
  };
  let stopped: Promise<void> | undefined;
  return {
    ended,
    hasEnded: () => isOver,
    stop(patienceMs = FAST_STOP_MS) {
      stopped ??= stop(patienceMs);
      return stopped;
    },
  };
}

/**
 * Stops a server that an earlier gateway left on this cluster, and removes what would hinder a new one. Only for who
 * holds the lock of the data directory: the server of a living gateway would be stopped as well.
 */
export async function clearOrphan(options: Omit<ServerOptions, 'settings'>): Promise<void> {
  const { cluster } = options;
  const pidFile = join(cluster.data, 'postmaster.pid');
  const lines = (await readFile(pidFile, 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  if (pid > 0) {
    if (await isServerOf(pid, cluster.data)) await stopByForce(options);
    else {
      // After a power cut another program may run under the number: `pg_ctl stop` would interrupt it, and PostgreSQL
      // would take it for a server. A number that no process can have leaves PostgreSQL's check of the shared memory
      // (a later line) in force, which removing the file would not.
      await writeFile(pidFile, ['2147483647', ...lines.slice(1)].join('\n'));
    }
  }
  // The socket's lock file names a process as well.
  for (const name of await readdir(cluster.socketFolder).catch(() => []))
    await rm(join(cluster.socketFolder, name), { force: true });
}

async function stopByForce({ binaries, cluster, user }: Omit<ServerOptions, 'settings'>): Promise<void> {
  for (const mode of ['fast', 'immediate']) {
    try {
      await runProgram(binaries.pgCtl, ['stop', '-D', cluster.data, '-m', mode, '-w', '-t', '20'], user);
      return;
    } catch {
      // Gone meanwhile, or too slow.
    }
  }
}

async function isServerOf(pid: number, data: string): Promise<boolean> {
  try {
    if (process.platform === 'linux') return (await readlink(`/proc/${pid}/cwd`)) === (await realpath(data));
    // Windows: pg_ctl signals through a pipe that only a PostgreSQL server has.
    if (process.platform === 'win32') return true;
    return (await execute('ps', ['-ww', '-o', 'command=', '-p', String(pid)])).stdout.includes(data);
  } catch {
    return false;
  }
}

async function openLog({ log }: Cluster, user: ServerUser | undefined) {
  await rename(log, `${log}.1`).catch(() => {});
  const handle = await open(log, 'w', 0o600);
  // So that its owner can start the gateway again without being root.
  if (user) await chown(log, user.uid, user.gid);
  return handle;
}

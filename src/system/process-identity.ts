import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/**
 * A process for as long as it lives. A number alone proves nothing: after a crash or a restart of the machine another
 * program has it.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in the system's own words; only ever compared. */
  readonly startedAt: string;
}

const run = promisify(execFile);

/** @returns undefined when there is no such process (a zombie is none: it runs nothing any more) */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const startedAt = await readStart(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await readStart(identity.pid)) === identity.startedAt;
}

async function readStart(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return readLinuxStart(pid);
  try {
    const { stdout } =
      process.platform === 'win32'
        ? await run('powershell', ['-NoProfile', '-Command', `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`])
        : // `lstart` is a local time: it must be the same whatever the zone of who asks.
          await run('ps', ['-o', 'lstart=', '-p', String(pid)], { env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } });
    return stdout.trim() || undefined;
  } catch {
    // Where nobody tells when it started, what lives is better left alone.
    return isRunning(pid) ? 'running' : undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Ticks since boot, so the boot belongs to it. */
async function readLinuxStart(pid: number): Promise<string | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // proc(5): the name in parentheses may hold anything, so count from the last one: state is field 3, starttime 22.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Killed, but not yet fetched by its parent (a container's first process often never does).
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  return `${boot.trim()}:${fields[19]}`;
}

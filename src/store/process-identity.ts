import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * What tells the living process with this number from every other that ever had the number, or undefined when nothing
 * runs under it. A number alone proves nothing: after a crash or a restart of the machine another program has it.
 */
export async function readStartMark(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return readLinuxStartMark(pid);
  try {
    const { stdout } =
      process.platform === 'win32'
        ? await run('powershell', ['-NoProfile', '-Command', `(Get-Process -Id ${pid}).StartTime.ToFileTimeUtc()`])
        : await run('ps', ['-o', 'lstart=', '-p', String(pid)], { env: { PATH: process.env.PATH, LC_ALL: 'C' } });
    return stdout.trim() || undefined;
  } catch {
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

async function readLinuxStartMark(pid: number): Promise<string | undefined> {
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

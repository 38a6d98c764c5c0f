import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SetupError } from '../../src/domain/setup-error.ts';
import { type Lock, takeLock } from '../../src/worker/lock-file.ts';

const run = promisify(execFile);

/** One download of 0.4 GB; whoever waits for another's installation waits as long. */
export const INSTALL_MS = 600_000;
const POLL_MS = 250;

export interface PythonPackages {
  /** Its folder in the cache; another one for other packages. */
  readonly name: string;
  /** As pip takes them. */
  readonly packages: readonly string[];
  /** The Python to make it with. */
  readonly python?: string;
}

/**
 * A virtual environment with these packages, installed once, into a cache beside the repository.
 *
 * @returns its folder
 * @throws where they cannot be installed: a test that needs them must fail then, not be skipped
 */
export async function providePackages({ name, packages, python = 'python3' }: PythonPackages): Promise<string> {
  const folder = join(cacheFolder(), name);
  const done = join(folder, 'installed');
  if (existsSync(done)) return folder;
  mkdirSync(cacheFolder(), { recursive: true });
  const lock = await waitForLock(`${folder}.lock`);
  try {
    if (!existsSync(done)) await install(folder, python, packages);
    writeFileSync(done, '');
  } finally {
    lock.release();
  }
  return folder;
}

/** The Python of a virtual environment. */
export function pythonIn(folder: string): string {
  return process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
}

function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tablao-test');
}

/** Test files run beside each other, and so do checkouts. */
async function waitForLock(path: string): Promise<Lock> {
  for (let waited = 0; ; waited += POLL_MS) {
    try {
      return await takeLock(path, 'the cache of Python packages');
    } catch (error) {
      if (!(error instanceof SetupError) || waited > INSTALL_MS) throw error;
    }
    await sleep(POLL_MS);
  }
}

async function install(folder: string, python: string, packages: readonly string[]): Promise<void> {
  console.warn(`Installing ${packages.join(' ')} from the Python package index into ${folder}`);
  rmSync(folder, { recursive: true, force: true });
  try {
    await run(python, ['-m', 'venv', folder], { timeout: INSTALL_MS });
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', '--only-binary', ':all:', ...packages];
    await run(pythonIn(folder), pip, { timeout: INSTALL_MS });
  } catch (error) {
    const { message, stderr = '', stdout = '' } = error as Error & { stderr?: string; stdout?: string };
    throw new Error(
      `These tests need ${packages.join(' ')}, and it could not be installed (Debian: apt-get install python3-venv): ` +
        [message, stdout, stderr].join('\n').trim(),
    );
  }
}

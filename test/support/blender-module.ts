import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SetupError } from '../../src/domain/setup-error.ts';
import { type Lock, takeLock } from '../../src/worker/lock-file.ts';

const run = promisify(execFile);
const LAUNCHER = join(import.meta.dirname, 'blender-module.py');

/** What the modules are made for. */
const PYTHON = '3.11';
/** One download of 0.4 GB; whoever waits for another's installation waits as long. */
export const INSTALL_MS = 600_000;
const POLL_MS = 250;

/**
 * The official Blender of one version as Python's package index serves it (`bpy`), with the command line that workers and
 * tests use. It is installed once, into a cache beside the repository.
 * @param version a full one, as `4.5.15`
 * @returns the program to start
 * @throws where it cannot be installed: a test that needs it must fail then, not be skipped
 */
export async function provideBlenderModule(version: string): Promise<string> {
  const folder = join(cacheFolder(), `bpy-${version}`);
  const done = join(folder, 'installed');
  if (!existsSync(done)) {
    mkdirSync(cacheFolder(), { recursive: true });
    const lock = await waitForLock(`${folder}.lock`);
    try {
      if (!existsSync(done)) await install(version, folder);
      writeFileSync(done, '');
    } finally {
      lock.release();
    }
  }
  return placeLauncher(folder);
}

function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tablao-test');
}

/** Test files run beside each other, and so do checkouts. */
async function waitForLock(path: string): Promise<Lock> {
  for (let waited = 0; ; waited += POLL_MS) {
    try {
      return await takeLock(path, 'the cache of Blender modules');
    } catch (error) {
      if (!(error instanceof SetupError) || waited > INSTALL_MS) throw error;
    }
    await sleep(POLL_MS);
  }
}

async function install(version: string, folder: string): Promise<void> {
  const python = await findPython();
  console.warn(`Installing Blender ${version} (bpy from the Python package index, 0.95 GB) into ${folder}`);
  rmSync(folder, { recursive: true, force: true });
  try {
    await run(python, ['-m', 'venv', folder], { timeout: INSTALL_MS });
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-cache-dir', '--only-binary', ':all:', `bpy==${version}`];
    await run(join(folder, 'bin', 'python'), pip, { timeout: INSTALL_MS });
  } catch (error) {
    const { message, stderr = '', stdout = '' } = error as Error & { stderr?: string; stdout?: string };
    throw new Error(
      `These tests need Blender ${version}, and it could not be installed (Debian: apt-get install python3-venv): ` +
        [message, stdout, stderr].join('\n').trim(),
    );
  }
}

async function findPython(): Promise<string> {
  for (const program of [`python${PYTHON}`, 'python3']) {
    const { stdout } = await run(program, ['--version']).catch(() => ({ stdout: '' }));
    if (stdout.startsWith(`Python ${PYTHON}.`)) return program;
  }
  throw new Error(`These tests need Python ${PYTHON}, for which Blender's modules are made: it is not in PATH.`);
}

/** Named after what it holds: checkouts with different launchers share one cache. */
function placeLauncher(folder: string): string {
  const source = `#!${join(folder, 'bin', 'python')} -I\n${readFileSync(LAUNCHER, 'utf8')}`;
  const path = join(folder, `blender-${createHash('sha256').update(source).digest('hex').slice(0, 12)}`);
  if (!existsSync(path)) {
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, source, { mode: 0o755 });
    renameSync(draft, path);
  }
  return path;
}

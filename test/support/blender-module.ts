import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { providePackages, pythonIn } from './python-environment.ts';

const run = promisify(execFile);
const LAUNCHER = join(import.meta.dirname, 'blender-module.py');

/** What the modules are made for. */
const PYTHON = '3.11';

/**
 * The official Blender of one version as Python's package index serves it (`bpy`), with the command line that workers and
 * tests use. It is installed once, into a cache beside the repository.
 * @param version a full one, as `4.5.15`
 * @returns the program to start
 * @throws where it cannot be installed: a test that needs it must fail then, not be skipped
 */
export async function provideBlenderModule(version: string): Promise<string> {
  const python = await findPython();
  const folder = await providePackages({ name: `bpy-${version}`, packages: [`bpy==${version}`], python });
  return placeLauncher(folder);
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
  const source = `#!${pythonIn(folder)} -I\n${readFileSync(LAUNCHER, 'utf8')}`;
  const path = join(folder, `blender-${createHash('sha256').update(source).digest('hex').slice(0, 12)}`);
  if (!existsSync(path)) {
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, source, { mode: 0o755 });
    renameSync(draft, path);
  }
  return path;
}

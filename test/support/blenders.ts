import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { killGroup } from '../../src/worker/process-group.ts';
import { requireBlender } from './blender.ts';
import { provideBlenderModule } from './blender-module.ts';

export { INSTALL_MS } from './python-environment.ts';

const MODULES: Readonly<Record<string, string>> = { '4.2': '4.2.23', '4.5': '4.5.15', '5.0': '5.0.1' };

/** Set by `npm run test:blender`: programs that take the place of the usual Blenders. */
export const GIVEN_BLENDERS = process.env.TABLAO_TEST_BLENDERS?.split(delimiter);

/** What tests of the add-on run in: the system's own Blender, and official builds of the Python package index. */
export const TEST_BLENDERS: readonly string[] = GIVEN_BLENDERS ?? ['system', ...Object.keys(MODULES)];

export interface TestBlender {
  readonly program: string;
  /** As `4.5.15`. */
  readonly version: string;
}

/**
 * Installs it where it is missing: give the hook that calls this INSTALL_MS.
 * @param name one of TEST_BLENDERS
 */
export async function provideBlender(name: string): Promise<TestBlender> {
  const version = MODULES[name];
  if (version !== undefined) return { program: await provideBlenderModule(version), version };
  return await requireBlender(name === 'system' ? undefined : name);
}

export interface BlenderRun {
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** By default a run that fails throws, with its output. */
  readonly mayFail?: boolean;
}

export interface ScriptRun extends BlenderRun {
  /** Opened before the script runs. */
  readonly file?: string;
  /** Options of Blender beside `--background --factory-startup`, e.g. `--online-mode`. */
  readonly options?: readonly string[];
  /** What the script finds behind `--` in sys.argv. */
  readonly args?: readonly string[];
  /** Whether factory settings take the place of the preferences in BLENDER_USER_RESOURCES. They do by default. */
  readonly factory?: boolean;
}

export interface BlenderEnd {
  /** null when a signal ended it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a Python script inside Blender, with preferences of its own: those of whoever runs the tests are neither read nor written.
 * @param script Python source; an exception ends Blender with exit code 1
 * @throws when it fails or takes too long, with all that it printed
 */
export async function runInBlender(blender: TestBlender, script: string, run: ScriptRun = {}): Promise<BlenderEnd> {
  const folder = mkdtempSync(join(tmpdir(), 'tablao-in-blender-'));
  try {
    const path = join(folder, 'script.py');
    writeFileSync(path, script);
    const args = [
      '--background',
      ...(run.factory === false ? [] : ['--factory-startup']),
      ...(run.options ?? []),
      '--python-exit-code',
      '1',
      ...(run.file === undefined ? [] : [run.file]),
      '--python',
      path,
      ...(run.args === undefined ? [] : ['--', ...run.args]),
    ];
    const environment = { BLENDER_USER_RESOURCES: join(folder, 'blender'), ...run.environment };
    return await runBlender(blender, args, { ...run, environment });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Runs Blender to its end, at most two minutes.
 * @throws when it fails or takes too long, with all that it printed
 */
export async function runBlender(
  blender: TestBlender,
  args: readonly string[],
  { environment, timeoutMs = 120_000, mayFail }: BlenderRun,
): Promise<BlenderEnd> {
  const end = await runToEnd(blender.program, args, { ...process.env, ...environment }, timeoutMs);
  if (end.exitCode === 0 || mayFail) return end;
  throw new Error(`Blender ${blender.version} ended with ${end.exitCode ?? end.signal}:\n${end.stdout}\n${end.stderr}`);
}

function runToEnd(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  timeoutMs: number,
): Promise<BlenderEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const timer = setTimeout(() => {
      void killGroup(child.pid!);
      reject(new Error(`${program} did not end within ${timeoutMs / 1000} s:\n${stdout}\n${stderr}`));
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (exitCode, signal) => {
      clearTimeout(timer);
      resolve({ exitCode, signal, stdout, stderr });
    });
  });
}

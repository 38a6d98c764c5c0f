import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Command, Option } from 'commander';
import { CommandFailure } from './command-failure.ts';
import { provideBlender } from './demo/blender-package.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { type Farm, startFarm } from './farm.ts';
import type { GlobalFlags } from './global-options.ts';
import { createLogger } from './logger.ts';
import { LOG_LEVELS } from './serve.ts';
import { listenForStop } from './stop-signal.ts';
import { submitJob } from './submit.ts';
import { formatDuration } from './text.ts';
import { exitCodeOf, showJob } from './watch.ts';

interface Flags extends GlobalFlags {
  readonly logLevel: string;
}

const SCENE_SCRIPT = fileURLToPath(new URL('demo/scene.py', import.meta.url));
const FRAMES = '1-24';
/** Six tasks: enough to see them follow each other, few enough to keep Blender busy. */
const CHUNK_SIZE = '4';
/** Making the scene takes a second; the first start of a fresh Blender can take long. */
const SCENE_MS = 120_000;

/** `tablao demo`: a gateway, a worker and a rendered scene in a temporary folder; then everything ends. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('Start a gateway and a worker in a temporary folder, render a small scene, and stop.')
    .addOption(
      new Option('--log-level <level>', 'how much to log').env('TABLAO_LOG_LEVEL').default('warn').choices(LOG_LEVELS),
    )
    .action(runDemo);
}

async function runDemo(flags: Flags): Promise<void> {
  const stop = listenForStop();
  const logger = createLogger(flags.logLevel, flags.json);
  const say = (line: string) => void (flags.json ? process.stderr : process.stdout).write(`${line}\n`);
  const startedAt = performance.now();
  let folder: string | undefined;
  let farm: Farm | undefined;
  try {
    const blender = await provideBlender(say, stop.signal);
    folder = await makeFolder();
    const scene = join(folder, 'dance.blend');
    say(`Making the scene ${scene} with Blender ${blender.version} …`);
    await makeScene(blender.program, scene, stop.signal);

    say('Starting a gateway with a database and a worker …');
    farm = await startFarm(
      { ...DEMO_FARM, dataDirectory: join(folder, 'data'), logLevel: 'info' },
      { logger, signal: stop.signal },
    );
    say(`It listens on ${farm.url}; look at ${farm.url}/graphql while it renders.`);

    const gateway = { url: farm.url };
    const { job } = await submitJob(gateway, {
      type: 'simple-blender-render',
      file: scene,
      frames: FRAMES,
      set: { chunkSize: CHUNK_SIZE },
    });
    const end = await showJob(gateway, job.id, { json: flags.json ?? false, signal: stop.signal });
    await farm.close();
    if (end === undefined) throw stop.signal.reason;
    process.exitCode = exitCodeOf(end);
    if (process.exitCode !== EXIT_CODES.done) {
      say(`The job ended ${end.status.toLowerCase()}; the worker's log is ${join(folder, 'data', 'worker.log')}`);
      return;
    }
    await rm(join(folder, 'data'), { recursive: true, force: true });
    const files = await listOutputs(join(folder, 'render', 'dance'));
    if (flags.json) process.stdout.write(`${JSON.stringify(files)}\n`);
    else say(describe(files, (performance.now() - startedAt) / 1000));
  } catch (error) {
    await farm?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    if (!stop.signal.aborted) throw error;
    say('Interrupted; everything that the demo made is removed.');
    process.exitCode = EXIT_CODES.interrupted;
  } finally {
    stop.forget();
  }
}

const DEMO_FARM = {
  host: '127.0.0.1',
  port: 0,
  hasWorker: true,
  allowAnonymous: false,
  leaseSeconds: 60,
  retryDelaySeconds: 1,
} as const;

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tablao-demo-'));
  // As root, the database's user must pass through it.
  await chmod(folder, 0o755);
  return folder;
}

async function makeScene(blender: string, path: string, signal: AbortSignal): Promise<void> {
  const script = ['--python-exit-code', '1', '--python', SCENE_SCRIPT, '--', path];
  try {
    const args = ['--background', '--factory-startup', ...script];
    await promisify(execFile)(blender, args, { signal, timeout: SCENE_MS, maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const lines = `${stdout}\n${stderr}`.trim().split('\n').slice(-5).join('\n');
    throw new CommandFailure(`Blender could not make the scene:\n${lines || (error as Error).message}`);
  }
}

interface Outputs {
  readonly frames: readonly string[];
  readonly video: string | null;
}

async function listOutputs(folder: string): Promise<Outputs> {
  const files = (await readdir(folder)).sort().map((name) => join(folder, name));
  return {
    frames: files.filter((file) => file.endsWith('.png')),
    video: files.find((file) => file.endsWith('.mp4')) ?? null,
  };
}

function describe({ frames, video }: Outputs, seconds: number): string {
  return [
    '',
    ...frames,
    ...(video === null ? [] : [video]),
    '',
    `Done in ${formatDuration(seconds)}; the gateway and its worker have ended.`,
  ].join('\n');
}

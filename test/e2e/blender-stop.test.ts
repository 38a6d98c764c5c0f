import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { identifyProcess, isAlive, type ProcessIdentity } from '../../src/system/process-identity.ts';
import { removeLeftFolders } from '../../src/worker/attempt-folder.ts';
import { blenderRender } from '../../src/worker/commands/blender-render.ts';
import { killLeftPrograms } from '../../src/worker/left-programs.ts';
import { openStateDirectory, readRecords, writeJson } from '../../src/worker/state-directory.ts';
import { makeScenes, makeTestFolder } from '../support/blender.ts';
import { type Bench, openBench, silentLogger } from '../support/command-context.ts';
import { until } from '../support/processes.ts';

let folder: Awaited<ReturnType<typeof makeTestFolder>>;
let bench: Bench;
let scenes: Record<'slow' | 'plain', string>;

/** Starts a child of Blender, which notes its own number and would run for ten minutes. */
const WITH_CHILD = `
import bpy, os, subprocess
def on_frame(*_):
    path = os.path.join(os.path.dirname(bpy.data.filepath), 'child.pid')
    if not os.path.exists(path):
        child = subprocess.Popen(['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'])
        with open(path, 'w') as file:
            file.write(str(child.pid))
bpy.app.handlers.frame_change_pre.append(on_frame)
`;

beforeAll(async () => {
  folder = await makeTestFolder('stop');
  scenes = await makeScenes(folder.path, {
    slow: {
      python: 'scene.cycles.samples = 1_000_000\nscene.cycles.use_adaptive_sampling = False',
      script: WITH_CHILD,
    },
    plain: {},
  });
  bench = await openBench(folder.path, { allowAutoexec: true });
}, 60_000);

afterAll(async () => {
  await bench?.close();
  await folder?.remove();
});

function runningPrograms(stateFolder: string): ProcessIdentity[] {
  return readRecords(stateFolder).map(({ value }) => value as ProcessIdentity);
}

function isRunning(pid: number): boolean {
  try {
    // an ended process that nobody has waited for still has its number
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a stop in the middle of a frame', () => {
  it('ends Blender and its children within two seconds, and puts nothing into place', async () => {
    const stop = new AbortController();
    const output = join(folder.path, 'stopped', 'shot_####');
    let isRendering = false;
    const context = bench.context({
      signal: stop.signal,
      reportProgress: ({ activity }) => {
        isRendering ||= /sample [1-9]/.test(activity ?? '');
      },
    });
    const parameters = { blendFile: scenes.slow, frames: '1', output, format: 'PNG', skipExisting: false };
    const ended = blenderRender(parameters, context).catch((error) => error);
    await until(async () => isRendering);
    const [blender] = runningPrograms(bench.state.programs);
    const child = Number(readFileSync(join(folder.path, 'child.pid'), 'utf8'));
    expect(isRunning(child)).toBe(true);
    const reason = new Error('stopped');
    const startedAt = performance.now();
    stop.abort(reason);
    expect(await ended).toBe(reason);
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(isRunning(child)).toBe(false);
    expect(blender === undefined || (await isAlive(blender))).toBe(false);
    expect(readdirSync(join(folder.path, 'stopped'))).toEqual([]);
    expect(readdirSync(bench.state.programs)).toEqual([]);
  });
});

describe('kill -9 of the worker in the middle of a render', () => {
  let host: ChildProcess;
  let hostFolder: string;

  it('leaves no Blender and no child of it', async () => {
    hostFolder = join(folder.path, 'host');
    mkdirSync(hostFolder);
    const scene = await makeScenes(hostFolder, {
      slow: {
        python: 'scene.cycles.samples = 1_000_000\nscene.cycles.use_adaptive_sampling = False',
        script: WITH_CHILD,
      },
    });
    const program = join(import.meta.dirname, '../support/render-host.ts');
    host = spawn(process.execPath, [program, hostFolder, scene.slow, '1-3'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    host.stdout?.on('data', (bytes) => {
      output += bytes;
    });
    await until(async () => /sample [1-9]/.test(output));
    const [blender] = runningPrograms(join(hostFolder, 'state', 'programs'));
    const child = Number(readFileSync(join(hostFolder, 'child.pid'), 'utf8'));
    expect(blender !== undefined && (await isAlive(blender))).toBe(true);
    host.kill('SIGKILL');
    await once(host, 'exit');
    const startedAt = performance.now();
    await until(async () => blender !== undefined && !(await isAlive(blender)) && !isRunning(child));
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  it('and the next start removes the folder of the attempt, but no other', async () => {
    const output = join(hostFolder, 'killed');
    expect(readdirSync(output)).toEqual(['.tablao-attempt1']);
    mkdirSync(join(output, '.tablao-of-another-worker'));
    const state = await openStateDirectory(join(hostFolder, 'state'));
    await killLeftPrograms(state.programs, silentLogger);
    await removeLeftFolders(state.attempts, silentLogger);
    expect(readdirSync(output)).toEqual(['.tablao-of-another-worker']);
    expect(readdirSync(state.programs)).toEqual([]);
    expect(readdirSync(state.attempts)).toEqual([]);
  });
});

describe('what an earlier worker left running', () => {
  it('is ended at the next start; a number that another process has now is left alone', async () => {
    const { programs } = await openStateDirectory(join(folder.path, 'left'));
    const left = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    const bystander = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    const identity = await identifyProcess(left.pid ?? 0);
    writeJson(join(programs, `${left.pid}.json`), { ...identity, program: 'sleep' });
    writeJson(join(programs, `${bystander.pid}.json`), { pid: bystander.pid, startedAt: 'long ago', program: 'sleep' });
    const gone = once(left, 'exit');
    await killLeftPrograms(programs, silentLogger);
    expect(await gone).toEqual([null, 'SIGKILL']);
    expect(bystander.exitCode ?? bystander.signalCode).toBe(null);
    expect(readdirSync(programs)).toEqual([]);
    bystander.kill('SIGKILL');
  });
});

describe('an idle Blender', () => {
  it('is ended after a while', async () => {
    const idle = await openBench(join(folder.path), { idleMs: 50 });
    const output = join(folder.path, 'idle', 'shot_####');
    const parameters = { blendFile: scenes.plain, frames: '1', output, format: 'PNG', skipExisting: false };
    await blenderRender(parameters, idle.context());
    const [blender] = runningPrograms(idle.state.programs);
    expect(blender !== undefined && (await isAlive(blender))).toBe(true);
    await until(async () => blender !== undefined && !(await isAlive(blender)));
    await until(async () => readdirSync(idle.state.programs).length === 0);
    await idle.close();
  });
});

describe('a frame under its final name', () => {
  it('is whole whenever somebody looks', async () => {
    const place = join(folder.path, 'watched');
    const output = join(place, 'shot_####');
    const parameters = { blendFile: scenes.plain, frames: '1-40', output, format: 'PNG', skipExisting: false };
    let isDone = false;
    const rendering = blenderRender({ ...parameters, resolutionPercent: 400 }, bench.context()).finally(() => {
      isDone = true;
    });
    const end = Buffer.from('0000000049454e44ae426082', 'hex');
    let looks = 0;
    while (!isDone) {
      for (const name of existsSync(place) ? readdirSync(place).filter((entry) => entry.endsWith('.png')) : []) {
        expect(readFileSync(join(place, name)).subarray(-12)).toEqual(end);
        looks += 1;
      }
      await sleep(1);
    }
    await rendering;
    expect(looks).toBeGreaterThan(40);
  });
});

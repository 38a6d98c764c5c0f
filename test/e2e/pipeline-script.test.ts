import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeScenes, makeTestFolder } from '../support/blender.ts';
import { describeJpeg } from '../support/picture.ts';
import { until } from '../support/processes.ts';
import { INSTALL_MS, providePackages, pythonIn } from '../support/python-environment.ts';
import { readBlock, readBlocks } from '../support/readme.ts';
import { type RestartableGateway, startRestartableGateway } from '../support/restartable-gateway.ts';
import { type Program, startWorkerProcess } from '../support/worker-process.ts';

/*
 * The README's pipeline script as it stands there, but for the gateway's address: with the packages that it names, a
 * worker process, and a Blender.
 */

const HEADING = 'A pipeline script';
const FRAMES = 12;

let gateway: RestartableGateway;
let folder: { path: string; remove(): Promise<void> };
let scene: string;
let python: string;
let worker: Program;
beforeAll(async () => {
  const [commands] = readBlocks(HEADING, '') as [string];
  const [, packages] = /pip install '([^']+)'/.exec(commands)!;
  const hash = createHash('sha256').update(packages!).digest('hex').slice(0, 12);
  python = pythonIn(await providePackages({ name: `pipeline-${hash}`, packages: [packages!] }));
  folder = await makeTestFolder('pipeline');
  // Frame 7 is the one that takes longest.
  ({ scene } = await makeScenes(folder.path, { scene: { python: SLOW_FRAME } }));
  gateway = await startRestartableGateway();
  worker = startWorkerProcess(gateway.url, folder.path, 'worker');
}, INSTALL_MS);
afterAll(async () => {
  await worker?.kill();
  await gateway?.close();
  await folder?.remove();
});

/** Samples by the frame, as an animated value: frame 7 has many. */
const SLOW_FRAME = `
scene.cycles.use_adaptive_sampling = False
for frame, samples in ((6, 1), (7, 5000), (8, 1)):
    scene.cycles.samples = samples
    scene.cycles.keyframe_insert('samples', frame=frame)
`;

interface Run {
  readonly code: number | null;
  readonly output: string;
}

/** Runs the script; `watch` sees what it has printed so far. */
async function runScript(
  args: readonly string[],
  watch?: (lines: () => readonly string[]) => Promise<void>,
): Promise<Run> {
  const script = join(folder.path, 'pipeline.py');
  writeFileSync(script, readBlock(HEADING, 'python').replace('http://127.0.0.1:4000', gateway.url));
  const child = spawn(python, [script, ...args], { cwd: folder.path, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const ended = once(child, 'exit');
  try {
    await watch?.(() => output.split('\n'));
    const [code] = (await ended) as [number | null];
    return { code, output };
  } finally {
    child.kill('SIGKILL');
  }
}

interface Frame {
  readonly number: number;
  readonly renderSeconds: number;
  readonly task: { readonly attempts: { readonly totalCount: number } };
}

describe('the pipeline script of the README', () => {
  it('submits, follows through a restart of the gateway, renders the two slowest frames again and fetches their pictures', {
    timeout: 300_000,
  }, async () => {
    const output = join(folder.path, 'out', 'a_####');
    const { code, output: printed } = await runScript([scene, `1-${FRAMES}`, output], async (lines) => {
      await until(async () => lines().some((line) => line.includes('render 2 COMPLETED')));
      await gateway.stop();
      await until(async () => lines().some((line) => line.startsWith('The gateway is away')));
      await gateway.start();
    });
    expect(printed).toMatch(/^The slowest frame is \d+: \d+\.\d\d s$/m);
    expect(code, printed).toBe(0);

    const changes = [...printed.matchAll(/^(\d+) (.+)$/gm)].map(([, sequence, what]) => ({
      sequence: Number(sequence),
      what,
    }));
    const first = changes.slice(0, changes.findIndex(({ what }) => what === 'job COMPLETED') + 1);
    const second = changes.slice(first.length);
    // Behind the submission, and behind the requeue, which is five changes itself: no gap and no repeat.
    expect(first.map(({ sequence }) => sequence)).toEqual(first.map((_, at) => 3 + at));
    const requeued = first.length + 2 + 5;
    expect(second.map(({ sequence }) => sequence)).toEqual(second.map((_, at) => requeued + 1 + at));
    expect(second.at(-1)!.what).toBe('job COMPLETED');

    const { jobs } = await gateway.run<{ jobs: { nodes: { frames: { nodes: Frame[] } }[] } }>(
      `{ jobs(first: 1) { nodes { frames(first: 100) { nodes { number renderSeconds task { attempts(first: 1) { totalCount } } } } } } }`,
    );
    const again = jobs.nodes[0]!.frames.nodes.filter(({ task }) => task.attempts.totalCount === 2);
    expect(again).toHaveLength(2);
    expect(again.map(({ number }) => number)).toContain(7);
    expect(printed).toContain('The slowest frame is 7: ');
    for (const { number } of again)
      expect(await describeJpeg(readFileSync(join(folder.path, `${number}.jpg`)))).toMatchObject({
        format: 'jpeg',
        width: 64,
      });
  });

  it('ends with what was wrong', async () => {
    const { code, output } = await runScript(['shots/a.blend', '10-1', '/out/a_####']);
    expect(code).toBe(1);
    expect(output).toMatch(/settings\.blendFile: .*settings\.frames: /);
  });
});

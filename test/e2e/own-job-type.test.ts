import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { COMMANDS } from '../../src/domain/commands.ts';
import { joinJobTypes } from '../../src/domain/job-type-registry.ts';
import { BUILT_IN_JOB_TYPES } from '../../src/job-types/built-in.ts';
import { OwnJobTypes } from '../../src/own-job-types/own-job-types.ts';
import { makeScenes, makeTestFolder } from '../support/blender.ts';
import { silentLogger } from '../support/command-context.ts';
import { runCommand } from '../support/command-line.ts';
import { readBlock, readSection } from '../support/readme.ts';
import { RenderFarm } from '../support/render-farm.ts';

const SECTION = readSection('Write your own job type');

let folder: { path: string; remove(): Promise<void> };
let own: OwnJobTypes;
let farm: RenderFarm;
beforeAll(async () => {
  folder = await makeTestFolder('own-type');
  await writeFile(join(folder.path, 'render-and-pack.mjs'), readBlock('Write your own job type', 'js'));
  own = await OwnJobTypes.open({ folder: folder.path, taken: [], logger: silentLogger });
  farm = await RenderFarm.start('own-type-farm', { jobTypes: joinJobTypes(BUILT_IN_JOB_TYPES, own) });
}, 60_000);
afterAll(async () => {
  await farm.close();
  await own.close();
  await folder.remove();
});

it("the README's own job type renders and packs, as it is submitted there", { timeout: 120_000 }, async () => {
  expect(own.faults()).toEqual([]);
  await mkdir(join(farm.folder, 'shots'));
  await makeScenes(join(farm.folder, 'shots'), { a: {} });
  // One that renders and allows no program, one that does nothing but pack.
  await farm.startWorker('render', ['--task-types', 'blender,video,misc']);
  await farm.startWorker('pack', ['--task-types', 'misc', '--allow-program', 'tar']);
  const line = /^npm run tablao -- (submit .*render-and-pack.*)$/m.exec(SECTION)![1]!;
  const args = line.replace('1-24', '1-12').split(' ');
  const ended = await runCommand([...args, '--gateway', farm.gateway.url], { cwd: farm.folder });
  expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
  const { jobs } = await farm.gateway.run<{ jobs: { nodes: { id: string }[] } }>('{ jobs { nodes { id } } }');
  const { tasks } = await farm.read(jobs.nodes[0]!.id);
  const who = tasks.nodes.map(({ name, attempts }) => `${name}: ${attempts.nodes.map(({ worker }) => worker.name)}`);
  expect(who).toEqual(['render 1-10: render', 'render 11-12: render', 'pack a: pack']);
  expect(await readdir(join(farm.folder, 'out'))).toEqual(['a', 'a.tar.gz']);
  const { stdout } = await promisify(execFile)('tar', ['-tzf', join(farm.folder, 'out', 'a.tar.gz')]);
  expect(stdout.split('\n').filter((name) => name.endsWith('.png'))).toHaveLength(12);
});

it('the README names every command that a task may have, with its parameters', () => {
  for (const [name, parameters] of Object.entries(COMMANDS)) {
    const row = SECTION.split('\n').find((text) => text.startsWith('|') && text.split('|')[1]!.includes(`\`${name}\``));
    const missing = Object.keys(parameters).filter((key) => !row?.includes(`\`${key}\``));
    expect([name, missing]).toEqual([name, []]);
  }
});

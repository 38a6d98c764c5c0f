import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planInstallation } from '../../src/cli/demo/blender-package.ts';
import { makeTestFolder } from '../support/blender.ts';
import { expectOneLine, runCommand, startCommand } from '../support/command-line.ts';
import { findProcessesIn } from '../support/processes.ts';

let folder: { path: string; remove(): Promise<void> };
beforeAll(async () => {
  folder = await makeTestFolder('demo');
});
afterAll(() => folder.remove());

// The whole demo is run by .ci/run.
describe('the demo', () => {
  it('leaves nothing behind when it is interrupted in the middle of the render', async () => {
    const demo = startCommand(['demo'], { env: { TMPDIR: folder.path } });
    await demo.says(/^active, 0\/24 frames/m);
    expect(await readdir(folder.path)).toEqual([expect.stringMatching(/^tablao-demo-/)]);
    demo.kill('SIGINT');
    expect(await demo.ended).toMatchObject({ exitCode: 130, stderr: '' });
    expect(await findProcessesIn(folder.path)).toEqual([]);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('says in one line which Blender is missing', async () => {
    const ended = await runCommand(['demo'], { env: { TMPDIR: folder.path, TABLAO_BLENDER: '/nowhere/blender' } });
    expectOneLine(ended, /^The demo renders with Blender, and "\/nowhere\/blender" is not there: set TABLAO_BLENDER/);
    expect(await readdir(folder.path)).toEqual([]);
  });
});

it('installs Blender by itself only as root on Debian and its kin, and knows the command elsewhere', () => {
  const plan = (isRoot: boolean, platform: NodeJS.Platform, ...distributions: string[]) =>
    planInstallation({ platform, isRoot, distributions });
  expect(plan(true, 'linux', 'debian')).toEqual({ command: 'apt-get install blender', isAutomatic: true });
  expect(plan(true, 'linux', 'linuxmint', 'ubuntu', 'debian').isAutomatic).toBe(true);
  expect(plan(false, 'linux', 'ubuntu')).toEqual({ command: 'sudo apt-get install blender', isAutomatic: false });
  expect(plan(true, 'linux', 'fedora')).toEqual({ command: 'dnf install blender', isAutomatic: false });
  expect(plan(false, 'linux', 'rocky', 'rhel', 'fedora').command).toBe('sudo dnf install blender');
  expect(plan(false, 'linux').command).toBe('sudo snap install blender --classic');
  expect(plan(false, 'darwin').command).toBe('brew install --cask blender');
  expect(plan(false, 'win32').command).toBe('winget install BlenderFoundation.Blender');
});

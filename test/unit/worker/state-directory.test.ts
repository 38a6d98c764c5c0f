import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SetupError } from '../../../src/domain/setup-error.ts';
import { defaultStateDirectory, openStateDirectory, writeJson } from '../../../src/worker/state-directory.ts';

it('is readable by its owner only, and so is what holds the token', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tablao-state-'));
  const state = await openStateDirectory(join(folder, 'deep', 'worker'));
  writeJson(state.registration, { token: 'secret' });
  expect(statSync(state.path).mode & 0o777).toBe(0o700);
  expect(statSync(state.registration).mode & 0o777).toBe(0o600);
  rmSync(folder, { recursive: true });
});

it('that cannot be made is one clear line', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tablao-state-'));
  writeFileSync(join(folder, 'file'), '');
  const path = join(folder, 'file', 'worker');
  await expect(openStateDirectory(path)).rejects.toThrow(SetupError);
  await expect(openStateDirectory(path)).rejects.toThrow(`The state directory "${path}" cannot be written: `);
  rmSync(folder, { recursive: true });
});

it.each([
  ['linux', {}, join(homedir(), '.local/state/tablao/worker')],
  ['linux', { XDG_STATE_HOME: '/var/state' }, '/var/state/tablao/worker'],
  ['darwin', {}, join(homedir(), 'Library/Application Support/tablao/worker')],
] as const)('is the usual place of the user on %s', (platform, environment, path) => {
  expect(defaultStateDirectory(environment, platform)).toBe(path);
});

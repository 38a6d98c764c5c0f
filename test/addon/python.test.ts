import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);
const ADDON = resolve(import.meta.dirname, '../../blender-addon');

it('the half of the add-on that needs no Blender keeps its promises', { timeout: 120_000 }, async () => {
  const args = ['-B', '-m', 'unittest', 'discover', '-s', 'tests/core', '-t', '.'];
  const { stderr } = await run('python3', args, { cwd: ADDON, timeout: 110_000 });
  expect(stderr).toMatch(/Ran \d{2,} tests in .*\n\nOK/);
});

/**
 * `npm run test:blender -- PATH…`: the tests of the add-on and of rendering, in the Blenders whose programs are given instead
 * of those that `npm test` takes. The add-on is installed from a gateway's own repository.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

/** Whatever has a case for each of TEST_BLENDERS. */
const TESTS = [
  'test/addon/in-blender.test.ts',
  'test/e2e/blender-versions.test.ts',
  'test/e2e/extension-install.test.ts',
];
const ROOT = resolve(import.meta.dirname, '..');

const programs = process.argv.slice(2).map((path) => resolve(process.env.INIT_CWD ?? '.', path));
const missing = programs.filter((program) => !isProgram(program));
if (programs.length === 0 || missing.length > 0) {
  for (const program of missing) console.error(`${program} is no program.`);
  console.error('Which Blenders? npm run test:blender -- /path/to/blender …');
  process.exit(2);
}
const { status } = spawnSync(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...TESTS], {
  cwd: ROOT,
  stdio: 'inherit',
  env: { ...process.env, TABLAO_TEST_BLENDERS: programs.join(delimiter) },
});
process.exitCode = status ?? 1;

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTestFolder } from '../support/blender.ts';
import {
  GIVEN_BLENDERS,
  INSTALL_MS,
  provideBlender,
  runInBlender,
  type ScriptRun,
  TEST_BLENDERS,
  type TestBlender,
} from '../support/blenders.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { installAddon } from '../support/install-addon.ts';
import { findProcessesIn } from '../support/processes.ts';
import { type Program, startWorkerProcess } from '../support/worker-process.ts';

/*
 * The add-on inside Blender, against a real gateway, with a worker that renders with the same Blender. The tests themselves are
 * Python: blender-addon/tests/blender.
 */

const TESTS = resolve(import.meta.dirname, '../../blender-addon/tests/blender');

describe.each(TEST_BLENDERS)('in Blender %s', (name) => {
  let folder: { path: string; remove(): Promise<void> };
  let gateway: TestGateway;
  let worker: Program;
  let blender: TestBlender;
  /** With the add-on beside the tests; in a Blender that was given, with the one that it installed from the gateway. */
  let run: ScriptRun = {};

  beforeAll(async () => {
    blender = await provideBlender(name);
    folder = await makeTestFolder('addon');
    gateway = await startTestGateway();
    if (GIVEN_BLENDERS !== undefined) {
      const { module, environment } = await installAddon(blender, gateway.url, folder.path);
      run = { factory: false, environment: { ...environment, TABLAO_TEST_MODULE: module } };
    }
    worker = startWorkerProcess(gateway.url, folder.path, 'worker', ['--blender', blender.program]);
  }, INSTALL_MS);
  afterAll(async () => {
    await worker?.kill();
    await gateway?.close();
    expect(await findProcessesIn(folder.path)).toEqual([]);
    await folder?.remove();
  });

  async function runTests(...modules: string[]): Promise<void> {
    const { stdout } = await runInBlender(
      blender,
      `import runpy; runpy.run_path(${JSON.stringify(join(TESTS, 'run.py'))}, run_name="__main__")`,
      {
        ...run,
        options: blender.version.startsWith('3.') ? [] : ['--online-mode'],
        args: modules,
        environment: { ...run.environment, TABLAO_TEST_GATEWAY: gateway.url, TABLAO_TEST_FOLDER: folder.path },
        timeoutMs: 280_000,
      },
    );
    expect(stdout).toMatch(/Ran \d+ tests? in .*\n\s*OK/);
  }

  it('every check finds what its scene has, and mends it', { timeout: 300_000 }, () => runTests('test_checks'));
  it('the open file becomes a job, and the job frames', { timeout: 300_000 }, () => runTests('test_submit'));
  // Nothing in it depends on the version.
  if (name === TEST_BLENDERS[0])
    it('whatever is wrong with the gateway is said in words', { timeout: 300_000 }, () => runTests('test_failures'));
  it('it comes and goes without a trace', { timeout: 300_000 }, () => runTests('test_registration'));
});

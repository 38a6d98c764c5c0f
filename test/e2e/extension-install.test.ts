import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADDON_FOLDER } from '../../src/server/extension-archive.ts';
import { VERSION } from '../../src/server/version.ts';
import { makeTestFolder } from '../support/blender.ts';
import {
  INSTALL_MS,
  provideBlender,
  runBlender,
  runInBlender,
  TEST_BLENDERS,
  type TestBlender,
} from '../support/blenders.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { hasExtensions, installAddon } from '../support/install-addon.ts';

/* Blender's own code, in each version, against the repository of a real gateway. */

/** Prints whether the add-on runs, its version, as Blender itself sees them, and its gateway. */
const REPORT = `
import bpy, sys, addon_utils
module = sys.argv[-1]
print('REPORT', addon_utils.check(module), *[m.bl_info['version'] for m in addon_utils.modules() if m.__name__ == module])
print('GATEWAY', bpy.context.preferences.addons[module].preferences.gateway)
`;
const RUNNING = `REPORT (True, True) (${VERSION.replaceAll('.', ', ')})`;

/** What Blender from 5.0 on prints about the machine and itself. */
const OWN_LOG = /^\d\d:\d\d\.\d/;

/** What 4.2 does in one process: its Python module crashes when it reads preferences that were saved. */
const INSTALL_AND_REPORT = `
import bpy, sys
extensions = bpy.context.preferences.extensions
repository = extensions.repos.new(name='Farm', module='farm', remote_url=sys.argv[-2])
repository.use_remote_url = True
index = list(extensions.repos).index(repository)
bpy.ops.extensions.repo_sync(repo_index=index)
bpy.ops.extensions.package_install(repo_index=index, pkg_id='tablao')
${REPORT}`;

let folder: Awaited<ReturnType<typeof makeTestFolder>>;
let gateway: TestGateway;

beforeAll(async () => {
  folder = await makeTestFolder('install');
  gateway = await startTestGateway();
});
afterAll(async () => {
  await gateway?.close();
  await folder?.remove();
});

describe.each([...TEST_BLENDERS.entries()])('Blender %i: %s', (index, name) => {
  let blender: TestBlender;
  beforeAll(async () => {
    blender = await provideBlender(name);
  }, INSTALL_MS);

  async function installAtOnce(): Promise<string> {
    const args = [`${gateway.url}/blender/index.json`, 'bl_ext.farm.tablao'];
    return (await runInBlender(blender, INSTALL_AND_REPORT, { args, options: ['--online-mode'] })).stdout;
  }

  async function installAndStartAgain(): Promise<string> {
    const { module, environment } = await installAddon(blender, gateway.url, join(folder.path, String(index)));
    return (await runInBlender(blender, REPORT, { args: [module], environment, factory: false })).stdout;
  }

  it('installs the add-on from the gateway, has it at its next start, and knows its gateway', {
    timeout: 120_000,
  }, async () => {
    const printed = name === '4.2' ? await installAtOnce() : await installAndStartAgain();
    expect(printed).toContain(RUNNING);
    expect(printed).toContain(`GATEWAY ${hasExtensions(blender) ? gateway.url : 'http://127.0.0.1:4000'}`);
    // A Blender that knows no extensions has no judgement either: the same folder is valid for all.
    if (!hasExtensions(blender)) return;
    const validate = ['--factory-startup', '--command', 'extension', 'validate', ADDON_FOLDER];
    const { stdout } = await runBlender(blender, validate, {});
    const said = stdout.split('\n').filter((line) => line !== '' && !OWN_LOG.test(line));
    expect(said).toEqual([expect.stringMatching(/^Success parsing TOML in /)]);
  });
});

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { makeScenes, makeTestFolder, requireBlender } from '../support/blender.ts';
import { startTestGateway } from '../support/gateway.ts';

const ADDON = resolve(import.meta.dirname, '../../blender-addon');

it("submits from `blender -b` by the README's own command", { timeout: 120_000 }, async () => {
  const { program } = await requireBlender();
  const folder = await makeTestFolder('background');
  const gateway = await startTestGateway();
  try {
    const script = "bpy.context.scene.render.filepath = '//render/shot_####'";
    const { shot } = await makeScenes(folder.path, { shot: { python: script } });
    const scripts = join(folder.path, 'scripts');
    mkdirSync(join(scripts, 'addons'), { recursive: true });
    cpSync(join(ADDON, 'tablao'), join(scripts, 'addons', 'tablao'), { recursive: true });

    const readme = readFileSync(join(ADDON, 'README.md'), 'utf8');
    const [, module, python] = /^blender -b shot\.blend --addons (\S+) --python-expr "([^"]+)"$/m.exec(readme) ?? [];
    const command = ['-b', shot, '--addons', module!, '--python-exit-code', '1', '--python-expr', python!];
    const run = (gatewayUrl: string) =>
      promisify(execFile)(program, ['--factory-startup', ...command], {
        timeout: 100_000,
        env: {
          ...process.env,
          BLENDER_USER_RESOURCES: join(folder.path, 'blender'),
          BLENDER_USER_SCRIPTS: scripts,
          TABLAO_GATEWAY: gatewayUrl,
        },
      });

    // Without a worker there is a warning: a script is told, and asked to say that it does not mind.
    await expect(run(gateway.url)).rejects.toMatchObject({
      stdout: expect.stringMatching(/ignore_warnings=True submits all the same/),
    });
    command.splice(-1, 1, python!.replace('submit()', 'submit(ignore_warnings=True)'));
    const { stdout } = await run(gateway.url);
    expect(stdout).toMatch(/“shot” submitted: 24 frames, 25 tasks, job /);
    await expect(run('http://127.0.0.1:9')).rejects.toMatchObject({
      stdout: expect.stringMatching(/No gateway is running at http:\/\/127\.0\.0\.1:9/),
    });
    const { jobs } = await gateway.run<{ jobs: { totalCount: number } }>('{ jobs { totalCount } }');
    expect(jobs.totalCount).toBe(1);
  } finally {
    await gateway.close();
    await folder.remove();
  }
});

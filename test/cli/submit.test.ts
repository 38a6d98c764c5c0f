import { createHash } from 'node:crypto';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTestFolder } from '../support/blender.ts';
import { expectOneLine, runCommand } from '../support/command-line.ts';
import { findFreePort } from '../support/free-port.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';

const SCENE = 'no real scene: the gateway does not look at files';

let folder: { path: string; remove(): Promise<void> };
let gateway: TestGateway;
let scene: string;
beforeAll(async () => {
  folder = await makeTestFolder('submit');
  scene = join(folder.path, 'shots', 'shot 010.blend');
  await mkdir(join(folder.path, 'shots'));
  await writeFile(scene, SCENE);
  gateway = await startTestGateway();
});
afterAll(async () => {
  await gateway.close();
  await folder.remove();
});

const submit = (...args: string[]) => runCommand(['submit', ...args, '--gateway', gateway.url], { cwd: folder.path });

interface Stored {
  readonly name: string;
  readonly submitter: string;
  readonly priority: number;
  readonly maxWorkers: number | null;
  readonly workerTag: string | null;
  readonly settings: Record<string, unknown>;
  readonly files: readonly Record<string, unknown>[];
}

async function readJob(id: string): Promise<Stored> {
  const { job } = await gateway.run<{ job: Stored }>(
    `query ($id: ID!) { job(id: $id) {
      name submitter priority maxWorkers workerTag settings files { path bytes modifiedAt sha256 } } }`,
    { id },
  );
  return job;
}

describe('a .blend file', () => {
  it('is submitted by its absolute path, its name, a place beside it, and what it holds now', async () => {
    const ended = await submit('shots/shot 010.blend', '--frames', '1-24');
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(ended.stdout).toMatch(
      /^shot 010 submitted: 24 frames, 25 tasks\njob (\S+)\nFollow it with: tablao watch \1\n$/,
    );
    const job = await readJob(/^job (\S+)$/m.exec(ended.stdout)![1]!);
    const { size, mtime } = await stat(scene);
    expect(job).toMatchObject({
      name: 'shot 010',
      submitter: userInfo().username,
      settings: {
        blendFile: scene,
        frames: '1-24',
        outputPath: join(folder.path, 'shots', 'render', 'shot 010', 'shot 010_######'),
      },
      files: [
        {
          path: scene,
          bytes: size,
          modifiedAt: mtime.toISOString(),
          sha256: createHash('sha256').update(SCENE).digest('hex'),
        },
      ],
    });
  });

  it('is looked for where npm was called, not where npm runs its scripts', async () => {
    const root = join(import.meta.dirname, '../..');
    const npm = {
      npm_lifecycle_event: 'tablao',
      npm_package_name: 'tablao',
      npm_package_json: join(root, 'package.json'),
    };
    const args = ['submit', 'shots/shot 010.blend', '--frames', '1', '--gateway', gateway.url];
    const ended = await runCommand(args, { cwd: root, env: { ...npm, INIT_CWD: folder.path } });
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('takes every option, each setting with the type that the job type gives it', async () => {
    const settings = { fps: '12.5', chunkSize: '4', skipExisting: 'true', outputPath: 'out/a_##', camera: '007' };
    const set = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    const options = ['--name', 'olé', '--priority', '80', '--max-workers', '0', '--tag', 'gpu', '--json'];
    const ended = await submit(scene, '--frames', '5', ...set, ...options);
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
    const { job } = JSON.parse(ended.stdout) as { job: { id: string } };
    expect(await readJob(job.id)).toMatchObject({
      name: 'olé',
      priority: 80,
      maxWorkers: 0,
      workerTag: 'gpu',
      settings: {
        fps: 12.5,
        chunkSize: 4,
        skipExisting: true,
        outputPath: join(folder.path, 'out', 'a_##'),
        camera: '007',
      },
    });
  });

  it('is submitted once with the same idempotency key', async () => {
    const args = [scene, '--frames', '1', '--idempotency-key', 'shot-010-v1'];
    const first = await submit(...args);
    const second = await submit(...args);
    expect(second.stdout).toBe(first.stdout.replace('submitted', 'was submitted before'));
    expectOneLine(await submit(...args, '--priority', '60'), /shot-010-v1/);
  });
});

describe('--dry-run', () => {
  it('shows what it would become, and submits nothing', async () => {
    const before = await gateway.run('{ jobs { totalCount } }');
    const ended = await submit('shots/shot 010.blend', '--frames', '1-24', '--set', 'chunkSize=2', '--dry-run');
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
    const [head, empty, header, first, ...rest] = ended.stdout.trimEnd().split('\n');
    expect([head, empty]).toEqual(['shot 010 would be 24 frames, 13 tasks; nothing was submitted', '']);
    expect(header).toMatch(/^TASK +TYPE +FRAMES +COMMANDS$/);
    expect(first).toMatch(/ blender +1-2 +blender-render$/);
    expect(rest.at(-1)).toBe('and 3 tasks more');
    const { stdout } = await submit(scene, '--frames', '5', '--dry-run', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      input: { name: 'shot 010', settings: { blendFile: scene, frames: '5' } },
      frameCount: 1,
      taskCount: 1,
      tasks: [{ type: 'blender', frames: '5', commands: [{ name: 'blender-render' }] }],
    });
    expect(await gateway.run('{ jobs { totalCount } }')).toEqual(before);
  });

  it('says what is wrong as a submission does', async () => {
    expectOneLine(
      await submit(scene, '--frames', '10-1', '--dry-run'),
      /^settings\.frames: .*allowed frames such as 1-10/,
    );
    expect((await submit(scene, '--frames', '1', '--dry-run', '--watch')).exitCode).toBe(2);
  });
});

describe('what is wrong', () => {
  it('is said at once, a line for each setting, with what was given and what is allowed', async () => {
    const set = ['--set', 'chunkSize=many', '--set', 'chunk_size=3', '--set', 'outputPath=/out/frame'];
    const { exitCode, stdout, stderr } = await submit(scene, '--frames', '10-1', '--priority', '101', ...set);
    const lines = stderr.trimEnd().split('\n');
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(lines.map((line) => line.split(':', 1)[0]).sort()).toEqual([
      'priority',
      'settings.chunkSize',
      'settings.chunk_size',
      'settings.frames',
      'settings.outputPath',
    ]);
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^settings\.frames: .*"10-1" ends before it begins.* \(given "10-1"; allowed frames such as 1-10.*\)$/,
      ),
    );
  });

  it('is a file that is not there', async () => {
    expectOneLine(
      await submit('none.blend', '--frames', '1'),
      /none\.blend cannot be submitted: there is no such file/,
    );
  });

  it('is a job type that the gateway does not have', async () => {
    expectOneLine(await submit('--type', 'ecko-sleep-test'), /Did you mean "echo-sleep-test"/);
  });

  it('is a file for a job type that reads none', async () => {
    expectOneLine(await submit(scene, '--type', 'echo-sleep-test'), /read no \.blend file/);
  });

  it('is a gateway that is not there, or is none', async () => {
    const at = (url: string) => runCommand(['submit', scene, '--frames', '1', '--gateway', url]);
    const url = `http://127.0.0.1:${await findFreePort()}`;
    expectOneLine(await at(url), new RegExp(`^Cannot reach the gateway ${url}: nothing listens there`));
    const other = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    const ended = await at(`http://127.0.0.1:${port}`);
    other.close();
    expectOneLine(ended, /answers, but not as a Tablao gateway does \(HTTP 200\)/);
  });

  it('is a use of the command itself: exit code 2', async () => {
    for (const args of [
      ['--set', 'chunkSize'],
      ['--priority', 'high'],
      ['--frame', '1'],
      ['a.blend', 'b.blend'],
    ]) {
      const { exitCode, stderr } = await submit(...args);
      expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 2, stderr: expect.stringMatching(/^error: /) });
    }
  });
});

import { spawn } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AttemptFailure } from '../../src/worker/attempt-failure.ts';
import { removeLeftFolders } from '../../src/worker/attempt-folder.ts';
import { AttemptStopped } from '../../src/worker/attempts.ts';
import type { CommandContext } from '../../src/worker/commands/command-context.ts';
import { COMMANDS } from '../../src/worker/commands/command-table.ts';
import { makeTestFolder } from '../support/blender.ts';
import { type Bench, makeAssignment, openBench, silentLogger } from '../support/command-context.ts';
import { until } from '../support/processes.ts';

/** Another file system than the test's folder. */
const OTHER_FILE_SYSTEM = '/dev/shm';

let folder: { path: string; remove(): Promise<void> };
let bench: Bench;
let here: string;
let elsewhere: string;
beforeAll(async () => {
  folder = await makeTestFolder('files');
  bench = await openBench(folder.path, { blenders: [] });
  expect((await stat(folder.path)).dev).not.toBe((await stat(OTHER_FILE_SYSTEM)).dev);
});
beforeEach(async () => {
  here = await mkdtemp(join(folder.path, 'here-'));
  elsewhere = await mkdtemp(join(OTHER_FILE_SYSTEM, 'tablao-elsewhere-'));
});
afterEach(async () => {
  // Whatever happened, the attempts' own folders are gone, and nothing is recorded any more.
  for (const place of [here, elsewhere])
    expect((await readdir(place)).filter((name) => name.startsWith('.tablao'))).toEqual([]);
  expect(await readdir(bench.state.attempts)).toEqual([]);
  await rm(elsewhere, { recursive: true, force: true });
});
afterAll(async () => {
  await bench.close();
  await folder.remove();
});

function run(name: string, parameters: Record<string, unknown>, context = bench.context()) {
  return COMMANDS[name]!(parameters, context);
}

async function failureOf(promise: Promise<unknown>): Promise<AttemptFailure> {
  return await promise.then(
    () => expect.fail('it should have failed'),
    (error) => error,
  );
}

/** Every path below the folder, with what the files hold. */
async function treeOf(root: string, within = ''): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const name of (await readdir(join(root, within))).sort()) {
    const path = join(within, name);
    const found = await lstat(join(root, path));
    if (found.isDirectory()) Object.assign(tree, { [`${path}/`]: '' }, await treeOf(root, path));
    else
      tree[path] = found.isSymbolicLink()
        ? `→ ${await readlink(join(root, path))}`
        : await readFile(join(root, path), 'utf8');
  }
  return tree;
}

const TREE = { 'a.txt': 'a', 'deep/': '', 'deep/b.txt': 'b', 'deep/empty/': '', link: '→ a.txt' };

async function makeTree(root: string): Promise<void> {
  await mkdir(join(root, 'deep', 'empty'), { recursive: true });
  await writeFile(join(root, 'a.txt'), 'a');
  await writeFile(join(root, 'deep', 'b.txt'), 'b');
  await symlink('a.txt', join(root, 'link'));
}

describe('make-directory', () => {
  it('makes the folder and those above it, and is content with one that is there', async () => {
    const path = join(here, 'a', 'b');
    for (let time = 0; time < 2; time += 1) await run('make-directory', { path });
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  it('says which file is in the way', async () => {
    await writeFile(join(here, 'file'), '');
    const failure = await failureOf(run('make-directory', { path: join(here, 'file', 'b') }));
    expect(failure.message).toContain(`"${join(here, 'file')}" is a file`);
  });
});

describe('copy-file', () => {
  it('copies with time and mode, makes the folders, and reports the file', async () => {
    const [from, to] = [join(here, 'from'), join(here, 'new', 'to')];
    await writeFile(from, 'text');
    await chmod(from, 0o640);
    await utimes(from, 1_000_000, 1_000_000);
    expect(await run('copy-file', { from, to })).toEqual([{ path: to, bytes: 4 }]);
    const { mode, mtimeMs } = await stat(to);
    expect([await readFile(to, 'utf8'), mode & 0o777, mtimeMs]).toEqual(['text', 0o640, 1_000_000_000]);
    expect(await readdir(join(here, 'new'))).toEqual(['to']);
  });

  it('takes a copy that is there already as done, and leaves another file alone unless told otherwise', async () => {
    const [from, to] = [join(here, 'from'), join(here, 'to')];
    await writeFile(from, 'text');
    await writeFile(to, 'text');
    expect(await run('copy-file', { from, to })).toEqual([{ path: to, bytes: 4 }]);
    await writeFile(to, 'mine');
    expect((await failureOf(run('copy-file', { from, to }))).message).toContain('with another content');
    expect(await readFile(to, 'utf8')).toBe('mine');
    await run('copy-file', { from, to, overwrite: true });
    expect(await readFile(to, 'utf8')).toBe('text');
  });

  it('leaves a file alone that came while it copied', async () => {
    const [from, to] = [join(here, 'from'), join(here, 'to')];
    await writeFile(from, 'text');
    const context = bench.context({ untilMayMove: () => writeFile(to, 'mine') });
    expect((await failureOf(run('copy-file', { from, to }, context))).message).toContain('with another content');
    expect(await readFile(to, 'utf8')).toBe('mine');
  });

  // biome-ignore format: one case per line
  it.each([
    ['FILE_NOT_FOUND', { from: 'none', to: 'to' }],
    ['FILE_NOT_FOUND', { from: 'folder', to: 'to' }],
    ['OTHER',          { from: 'file', to: 'folder' }],
  ])('fails with %s for %j, and changes nothing', async (kind, { from, to }) => {
    await writeFile(join(here, 'file'), 'text');
    await mkdir(join(here, 'folder'));
    const failure = await failureOf(run('copy-file', { from: join(here, from), to: join(here, to), overwrite: true }));
    expect(failure.kind).toBe(kind);
    expect(await treeOf(here)).toEqual({ file: 'text', 'folder/': '' });
  });

  it('refuses a relative path', async () => {
    expect((await failureOf(run('copy-file', { from: 'a', to: 'b' }))).message).toContain('no absolute path');
  });

  it('puts nothing into place once it is stopped', async () => {
    const [from, to] = [join(here, 'from'), join(here, 'to')];
    await writeFile(from, Buffer.alloc(8 * 1024 * 1024));
    const stop = new AbortController();
    const reason = new AttemptStopped('stop', undefined);
    const context = bench.context({ signal: stop.signal, reportProgress: () => stop.abort(reason) });
    expect(await failureOf(run('copy-file', { from, to }, context))).toBe(reason);
    expect(await readdir(here)).toEqual(['from']);
  });
});

describe.each(['the same file system', 'another file system'])('move-directory to %s', (where) => {
  let from: string;
  let to: string;
  beforeEach(() => {
    from = join(here, 'from');
    to = join(where === 'the same file system' ? here : elsewhere, 'new', 'to');
  });

  it('moves everything in it, and is content when it was done before', async () => {
    await makeTree(from);
    await utimes(join(from, 'a.txt'), 1_000_000, 1_000_000);
    for (let time = 0; time < 2; time += 1) await run('move-directory', { from, to });
    expect(await treeOf(to)).toEqual(TREE);
    expect((await stat(join(to, 'a.txt'))).mtimeMs).toBe(1_000_000_000);
    expect(await readdir(here)).not.toContain('from');
  });

  it('leaves both alone when something is there already', async () => {
    await makeTree(from);
    await mkdir(to, { recursive: true });
    await writeFile(join(to, 'mine'), '');
    expect((await failureOf(run('move-directory', { from, to }))).message).toContain('is there already');
    expect([await treeOf(from), await treeOf(to)]).toEqual([TREE, { mine: '' }]);
  });

  it('does nothing once it may not move any more', async () => {
    await makeTree(from);
    const stop = new AbortController();
    const reason = new AttemptStopped('stop', undefined);
    const untilMayMove: CommandContext['untilMayMove'] = async () => {
      stop.abort(reason);
      throw reason;
    };
    expect(
      await failureOf(run('move-directory', { from, to }, bench.context({ signal: stop.signal, untilMayMove }))),
    ).toBe(reason);
    expect(await treeOf(from)).toEqual(TREE);
    await expect(stat(to)).rejects.toThrow('ENOENT');
  });

  it('fails when there is no such folder, when it is a file, and when it would go into itself', async () => {
    expect(await failureOf(run('move-directory', { from, to }))).toMatchObject({ kind: 'FILE_NOT_FOUND' });
    await makeTree(from);
    const into = await failureOf(run('move-directory', { from, to: join(from, 'deep', 'to') }));
    expect(into.message).toContain('within it');
    const file = await failureOf(run('move-directory', { from: join(from, 'a.txt'), to }));
    expect(file.message).toContain('is no folder');
    expect(await treeOf(from)).toEqual(TREE);
  });
});

describe('move-directory to another file system', () => {
  it('takes away nothing that changed or came while it copied, and says what', async () => {
    const [from, to] = [join(here, 'from'), join(elsewhere, 'to')];
    await makeTree(from);
    let calls = 0;
    const untilMayMove = async () => {
      calls += 1;
      if (calls === 1) return; // the rename, which does not work; then it copies
      await writeFile(join(from, 'late.txt'), 'late');
      await writeFile(join(from, 'deep', 'b.txt'), 'b, changed');
    };
    const context = bench.context({ untilMayMove });
    const failure = await failureOf(run('move-directory', { from, to }, context));
    expect(failure.message).toMatch(/late\.txt" and 1 more changed meanwhile/);
    expect(await treeOf(from)).toEqual({ 'late.txt': 'late', 'deep/': '', 'deep/b.txt': 'b, changed' });
    expect(await readFile(join(to, 'deep', 'b.txt'), 'utf8')).toBe('b');
  });

  it('goes on where a crash cut it off, whenever that was', { timeout: 120_000 }, async () => {
    const count = 1000;
    const names = Array.from({ length: count }, (_, index) => `file-${index}`);
    const seen = new Set<string>();
    const describeCut = ({ length }: string[]) => (length === count ? 'all' : length === 0 ? 'none' : 'some');
    const moments = ['while it copies', 'at the rename'];
    // The last kill may come too late; the test's own time limit bounds how often it is tried.
    for (let moment = moments.shift(); moment !== undefined || !seen.has('some all'); moment = moments.shift()) {
      const from = await mkdtemp(join(here, 'from-'));
      const to = join(await mkdtemp(join(elsewhere, 'to-')), 'to');
      for (const name of names) await writeFile(join(from, name), name);
      const listFiles = async (path: string) =>
        (await readdir(path).catch(() => [])).filter((name) => name.startsWith('file-'));
      const isDue = async (said: boolean) => {
        if (moment === 'while it copies') return said;
        const isPlaced = (await listFiles(to)).length > 0;
        return isPlaced && (moment === 'at the rename' || (await listFiles(from)).length < count);
      };
      await moveAndKill(from, to, isDue);
      const [left, placed] = [await listFiles(from), await listFiles(to)];
      seen.add(`${describeCut(left)} ${describeCut(placed)}`);
      // Nothing is ever lost: each file is in one of the places.
      expect(new Set([...left, ...placed]).size).toBe(count);

      await removeLeftFolders(bench.state.attempts, silentLogger);
      const assignment = makeAssignment({ attempt: { id: 'second', number: 2 } });
      await run('move-directory', { from, to }, bench.context({ assignment }));
      expect(await treeOf(to)).toEqual(Object.fromEntries(names.map((name) => [name, name])));
      await expect(stat(from)).rejects.toThrow('ENOENT');
    }
    expect([...seen]).toEqual(expect.arrayContaining(['all none', 'some all']));
  });
});

/** Starts a move in a process of its own, and kills it as soon as it is due; `said` tells whether it has copied something. */
async function moveAndKill(from: string, to: string, isDue: (said: boolean) => Promise<boolean>): Promise<void> {
  const host = join(import.meta.dirname, '../support/move-host.ts');
  const child = spawn(process.execPath, [host, folder.path, from, to], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let said = false;
  child.stdout.on('data', () => {
    said = true;
  });
  await until(async () => child.exitCode !== null || (await isDue(said)));
  child.kill('SIGKILL');
  await ended;
}

import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SetupError } from '../../src/domain/setup-error.ts';
import { type DataDirectory, openDataDirectory } from '../../src/store/data-directory.ts';

let root: string;
let folder: string;
const opened: DataDirectory[] = [];

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'tablao-directory-')));
  folder = join(root, 'data');
});
afterEach(async () => {
  for (const directory of opened.splice(0)) await directory.release();
  await rm(root, { recursive: true });
});

async function open(path = folder): Promise<DataDirectory> {
  const directory = await openDataDirectory(path);
  opened.push(directory);
  return directory;
}

async function writeLock(change: Record<string, unknown>): Promise<void> {
  const directory = await openDataDirectory(folder);
  const lock = JSON.parse(await readFile(join(folder, 'gateway.lock'), 'utf8'));
  await directory.release();
  await writeFile(join(folder, 'gateway.lock'), JSON.stringify({ ...lock, token: 'another', ...change }));
}

describe('the folder', () => {
  it('is made, for its owner alone', async () => {
    const directory = await open(join(root, 'a', 'b'));
    expect(directory.path).toBe(join(root, 'a', 'b'));
    expect((await stat(directory.path)).mode & 0o777).toBe(0o700);
  });

  it.each([
    ['is a file', 'file', 'it is not a folder'],
    ['lies below a file', 'file/data', 'it is not a folder, or lies below a file'],
  ])('is refused in one line when it %s', async (_, path, reason) => {
    await writeFile(join(root, 'file'), '');
    const error = await open(join(root, path)).catch((error) => error);
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toBe(`The data directory ${join(root, path)} cannot be used: ${reason}.`);
  });

  it.each(['/proc/tablao', '/proc/tablao/data'])('is refused where no folder can be made: %s', async (path) => {
    const error = await open(path).catch((error) => error);
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toBe(`The data directory ${path} cannot be used: no folder can be made there.`);
  });

  it('is gone again, with those above that were made for it, when nothing was put into it', async () => {
    const directory = await open(join(root, 'a', 'b'));
    await directory.release();
    expect(await readdir(root)).toEqual([]);
  });

  it('stays when it was there before, or has something in it', async () => {
    await mkdir(folder);
    await (await open()).release();
    const used = await open(join(root, 'a', 'b'));
    await writeFile(join(used.path, 'file'), '');
    await used.release();
    expect(await readdir(root)).toEqual(['a', 'data']);
  });
});

describe('the lock', () => {
  beforeEach(() => mkdir(folder));

  it('keeps a second gateway out, naming the first, until the first lets go', async () => {
    const first = await open();
    const error = await open().catch((error) => error);
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toContain(`is in use by another gateway (pid ${process.pid})`);

    await first.release();
    await open();
  });

  it('leaves no file behind', async () => {
    const directory = await open();
    await directory.release();
    await directory.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('is taken over when its holder is dead', async () => {
    // No process has a number this high.
    await writeLock({ pid: 2 ** 31 - 1 });
    await open();
  });

  it('is taken over when another program has the number of its dead holder', async () => {
    await writeLock({ startedAt: 'another start' });
    await open();
  });

  it('is taken over when a power cut has left it empty', async () => {
    await writeFile(join(folder, 'gateway.lock'), '');
    await open();
  });

  it('is taken over by exactly one of many that find it dead', async () => {
    await writeLock({ startedAt: 'another start' });
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => open()));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason.message).toContain('is in use by another gateway');
    }
    expect(await readdir(folder)).toEqual(['gateway.lock']);
  });

  it('of another machine or container holds while it is renewed, and half a minute longer', async () => {
    await writeLock({ place: 'render-7 pid:[1]', pid: 12 });
    await expect(open()).rejects.toThrow('is in use by another gateway (pid 12 on render-7)');

    const halfAMinuteAgo = new Date(Date.now() - 30_000);
    await utimes(join(folder, 'gateway.lock'), halfAMinuteAgo, halfAMinuteAgo);
    await open();
  });
});

import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolders } from '../../../src/system/make-folders.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tablao-folders-'));
});
afterEach(() => rm(root, { recursive: true }));

describe('makeFolders', () => {
  it('makes what is missing, and says what that was, the outermost first', async () => {
    expect(await makeFolders(join(root, 'a', 'b'))).toEqual([join(root, 'a'), join(root, 'a', 'b')]);
    expect(await makeFolders(join(root, 'a', 'c'))).toEqual([join(root, 'a', 'c')]);
    expect(await makeFolders(join(root, 'a', 'c'))).toEqual([]);
  });

  it('may be asked for the same by many at once', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => makeFolders(join(root, 'a', 'b', 'c'))));
    expect(made.flat().sort()).toEqual([join(root, 'a'), join(root, 'a', 'b'), join(root, 'a', 'b', 'c')]);
  });

  it('fails, and does not go on for ever, where no folder can be made', async () => {
    await expect(makeFolders('/proc/tablao/a')).rejects.toMatchObject({ code: 'ENOENT' });
    // A share that is not mounted.
    await symlink(join(root, 'nowhere'), join(root, 'share'));
    await expect(makeFolders(join(root, 'share', 'out'))).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readdir(root)).toEqual(['share']);
  });

  it('fails where a file is in the way', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(makeFolders(join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeFolders(join(root, 'file', 'a', 'b'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });
});

import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from '../../../src/worker/attempt-folder.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tablao-attempt-'));
});
afterEach(() => rm(root, { recursive: true }));

describe('an output folder that cannot be made says what is in the way', () => {
  it('a file', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(makeFolder(join(root, 'file', 'out'))).rejects.toThrow(`"${join(root, 'file')}" is a file.`);
  });

  it('a link to a share that is not mounted', async () => {
    await symlink(join(root, 'nowhere'), join(root, 'share'));
    await expect(makeFolder(join(root, 'share', 'out'))).rejects.toThrow(
      `The folder "${join(root, 'share', 'out')}" cannot be made: "${join(root, 'share')}" is a link to something that is not there; is a share not mounted?`,
    );
  });

  it('a file system that makes none', async () => {
    await expect(makeFolder('/proc/tablao/out')).rejects.toThrow('The folder "/proc/tablao/out" cannot be made');
  });
});

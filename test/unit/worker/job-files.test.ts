import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SubmittedFile } from '../../../src/worker/gateway-client.ts';
import { JobFiles } from '../../../src/worker/job-files.ts';

let folder: string;
let file: SubmittedFile & { readonly modifiedAt: string };
const { signal } = new AbortController();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tablao-files-'));
  const path = join(folder, 'wood.png');
  writeFileSync(path, 'wood');
  const sha256 = createHash('sha256').update('wood').digest('hex');
  file = { path, bytes: 4, modifiedAt: statSync(path).mtime.toISOString(), sha256 };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const check = (submitted: SubmittedFile) => new JobFiles().check([submitted], signal);
const touch = (seconds: number) => utimesSync(file.path, 1, Date.parse(file.modifiedAt) / 1000 + seconds);

describe('the files that a job reads', () => {
  it('are those that were submitted: size and time', async () => {
    await check(file);
    await check({ ...file, modifiedAt: null, sha256: null });
  });

  it('may have another time when the content is the same', async () => {
    touch(3600);
    await check(file);
    await expect(check({ ...file, sha256: '00' })).rejects.toMatchObject({ kind: 'FILE_CHANGED' });
  });

  it('without a hash may differ in time by what file systems round', async () => {
    touch(1.5);
    await check({ ...file, sha256: null });
    touch(60);
    await expect(check({ ...file, sha256: null })).rejects.toThrow(
      `"${file.path}" is not the file that was submitted: it was modified at`,
    );
  });

  it('are not hashed when size and time are right', async () => {
    await check({ ...file, sha256: 'never looked at' });
  });

  it('of another size have changed', async () => {
    writeFileSync(file.path, 'wooden');
    await expect(check(file)).rejects.toMatchObject({
      kind: 'FILE_CHANGED',
      message: `"${file.path}" is not the file that was submitted: it has 6 bytes, the submitted one had 4.`,
    });
  });

  it.each(['gone.png', 'wood.png/below'])('that are missing are named: %s', async (name) => {
    const path = join(folder, name);
    await expect(check({ ...file, path })).rejects.toMatchObject({
      kind: 'FILE_NOT_FOUND',
      message: `"${path}" is not there on this worker.`,
    });
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SetupError } from '../../../src/domain/setup-error.ts';
import { identifyProcess } from '../../../src/system/process-identity.ts';
import { readLockHolder, takeLock } from '../../../src/worker/lock-file.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tablao-lock-'));
  path = join(folder, 'worker.lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the lock of a state directory', () => {
  it('is held by one process, which everybody can see, and is free again afterwards', async () => {
    const lock = await takeLock(path, 'it');
    expect((await readLockHolder(path))?.pid).toBe(process.pid);
    await expect(takeLock(path, 'the thing')).rejects.toThrow(
      new SetupError(`Another process (pid ${process.pid}) already uses the thing.`),
    );
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
    expect(await readLockHolder(path)).toBeUndefined();
  });

  it('is taken over from a process that has ended', async () => {
    const other = spawn('sleep', ['600']);
    const identity = await identifyProcess(other.pid ?? 0);
    writeFileSync(path, JSON.stringify(identity));
    await expect(takeLock(path, 'it')).rejects.toThrow(`pid ${other.pid}`);
    other.kill('SIGKILL');
    await once(other, 'exit');
    const lock = await takeLock(path, 'it');
    lock.release();
  });

  it.each([
    ['of a process whose number another one has now', JSON.stringify({ pid: process.pid, startedAt: 'long ago' })],
    ['that is empty', ''],
  ])('is taken over when it is one %s', async (_, content) => {
    writeFileSync(path, content);
    const lock = await takeLock(path, 'it');
    expect((await readLockHolder(path))?.pid).toBe(process.pid);
    lock.release();
  });

  it('is left by release when another process has taken it meanwhile', async () => {
    const lock = await takeLock(path, 'it');
    writeFileSync(path, JSON.stringify({ pid: 1, startedAt: 'x' }));
    lock.release();
    expect(existsSync(path)).toBe(true);
  });
});

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogSpool } from '../../../src/worker/log-spool.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tablao-spool-'));
  path = join(folder, 'a.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the log of an attempt', () => {
  it('lies in a file, in order', async () => {
    const spool = new LogSpool(path);
    for (let i = 0; i < 1000; i++) spool.write(`line ${i}\n`);
    await spool.end();
    expect(readFileSync(path, 'utf8')).toBe(Array.from({ length: 1000 }, (_, i) => `line ${i}\n`).join(''));
    expect(spool.isComplete).toBe(true);
    expect((await spool.read(5, 10)).toString()).toBe('0\nline 1\nl');
    await spool.remove();
  });

  it('of any size takes no more disk than its limit, says what was left out, and keeps the last lines', async () => {
    const spool = new LogSpool(path, { spoolBytes: 10_000 });
    for (let i = 0; i < 100_000; i++) spool.write(`line ${i}\n`);
    await spool.end();
    const text = readFileSync(path, 'utf8');
    expect(statSync(path).size).toBeLessThan(15_000);
    expect(text.slice(0, 7)).toBe('line 0\n');
    expect(text).toMatch(/tablao: \d+ bytes of log were left out; the last lines:\n(?:.*\n)*line 99999\n$/);
    await spool.remove();
  });

  it('of a gigabyte takes neither memory nor long', { timeout: 60_000 }, async () => {
    const spool = new LogSpool(path, { spoolBytes: 1_000_000 });
    const chunk = `${'x'.repeat(99)}\n`.repeat(600);
    const before = process.memoryUsage().rss;
    let most = 0;
    for (let written = 0; written < 1e9; written += chunk.length) {
      if (!spool.write(chunk)) await spool.drained();
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    expect(most).toBeLessThan(100e6);
    await spool.remove();
  });

  it('asks a program to wait while the disk is behind', async () => {
    const spool = new LogSpool(path, { waitingBytes: 100 });
    expect(spool.write('x'.repeat(50))).toBe(true);
    expect(spool.write('x'.repeat(50))).toBe(false);
    await spool.drained();
    expect(spool.write('x')).toBe(true);
    await spool.remove();
  });

  it('is given up, but not the render, when the disk refuses it', async () => {
    const spool = new LogSpool(join(folder, 'no', 'such', 'folder', 'a.log'));
    spool.write('one\n');
    await spool.drained();
    expect(spool.write('Error: two\n')).toBe(true);
    await spool.end();
    expect(spool.tail()).toBe('one\nError: two');
    expect(spool.faults()).toEqual(['Error: two']);
    await spool.remove();
  });

  it('is gone after it was removed', async () => {
    const spool = new LogSpool(path);
    spool.write('x');
    await spool.remove();
    expect(() => statSync(path)).toThrow('ENOENT');
  });
});

import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AttemptReport } from '../../../src/worker/gateway-client.ts';
import { Journal } from '../../../src/worker/journal.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tablao-journal-'));
  path = join(folder, 'reports.ndjson');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const report = (attemptToken: string): AttemptReport => ({
  attemptToken,
  sequence: 3,
  at: '2026-11-24T12:00:00.000Z',
  event: { completed: { outputs: [{ frame: 1, path: '/o/1.png', bytes: 9, renderSeconds: 0.5 }] } },
});

/** As after a crash: nothing was closed. */
const reopen = () => new Journal(path).pending;

describe('the journal of reports', () => {
  it('gives back what was not delivered, in order', () => {
    const journal = new Journal(path);
    for (const token of ['a', 'b', 'c']) journal.add(report(token));
    journal.markDelivered('b');
    expect(journal.pending).toEqual([report('a'), report('c')]);
    expect(reopen()).toEqual([report('a'), report('c')]);
  });

  it('ignores a line that a crash tore, and goes on after it', () => {
    const journal = new Journal(path);
    journal.add(report('a'));
    journal.add(report('b'));
    truncateSync(path, statSync(path).size - 20);
    const next = new Journal(path);
    expect(next.pending).toEqual([report('a')]);
    next.add(report('c'));
    expect(reopen()).toEqual([report('a'), report('c')]);
  });

  it('ignores lines that are none of its own', () => {
    appendFileSync(path, 'nonsense\n{"report":{}}\n\n');
    expect(reopen()).toEqual([]);
  });

  it('is empty once everything is delivered', () => {
    const journal = new Journal(path);
    journal.add(report('a'));
    journal.markDelivered('a');
    expect(readFileSync(path, 'utf8')).toBe('');
  });
});

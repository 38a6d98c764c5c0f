import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AttemptReport, Output } from '../../../src/worker/gateway-client.ts';
import { Journal } from '../../../src/worker/journal.ts';
import type { Clock } from '../../../src/worker/moment.ts';
import { Outbox } from '../../../src/worker/outbox.ts';

let folder: string;
let journal: Journal;
let outbox: Outbox;
let seconds: number;

/** Turned by `tell`. */
const clock: Clock = {
  now: () => ({ monotonicMs: seconds * 1000, wallMs: 0 }),
  since: ({ monotonicMs }) => seconds * 1000 - monotonicMs,
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tablao-outbox-'));
  journal = new Journal(join(folder, 'journal'));
  seconds = 0;
  outbox = new Outbox(journal, clock);
  outbox.begin('a');
});
afterEach(() => {
  journal.close();
  rmSync(folder, { recursive: true, force: true });
});

const file = (frame: number): Output => ({ frame, path: `/out/${frame}.png`, bytes: 1 });
/** The frames that the next call tells, and the report's sequence. */
function tell(): { frames: (number | undefined)[]; sequence: number } | undefined {
  seconds += 1;
  const [report] = outbox.take() as [AttemptReport?];
  if (report === undefined || !('progress' in report.event)) return undefined;
  return { frames: (report.event.progress.outputs ?? []).map(({ frame }) => frame), sequence: report.sequence };
}

describe('the files that an attempt makes', () => {
  it('are told with the newest progress, all of those that came since', () => {
    outbox.progress('a', { fraction: 0.1, outputs: [file(1)] });
    outbox.progress('a', { fraction: 0.2 });
    outbox.progress('a', { fraction: 0.3, outputs: [file(2), file(3)] });
    expect(tell()).toEqual({ frames: [1, 2, 3], sequence: 1 });
  });

  it('are told again until the gateway has taken them, and not after that', () => {
    outbox.progress('a', { fraction: 0.1, outputs: [file(1)] });
    expect(tell()?.frames).toEqual([1]);
    outbox.progress('a', { fraction: 0.2, outputs: [file(2)] });
    const second = tell();
    expect(second?.frames).toEqual([1, 2]);
    outbox.progress('a', { fraction: 0.3, outputs: [file(3)] });
    outbox.settle('a', second!.sequence);
    outbox.settle('a', second!.sequence);
    expect(tell()?.frames).toEqual([3]);
  });

  it('are told in parts when they are many', () => {
    const files = Array.from({ length: 1500 }, (_, frame) => file(frame));
    outbox.progress('a', { fraction: 0.5, outputs: files });
    const first = tell();
    expect(first?.frames).toHaveLength(1000);
    outbox.settle('a', first!.sequence);
    outbox.progress('a', { fraction: 0.6 });
    expect(tell()?.frames).toEqual(files.slice(1000).map(({ frame }) => frame));
  });
});

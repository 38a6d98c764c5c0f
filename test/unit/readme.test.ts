import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { JOB_STATUSES } from '../../src/domain/job-status.ts';
import { TASK_STATUSES } from '../../src/domain/task-status.ts';

const README = readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8');

/** The rows below a table's header, each as its cells' text. */
function tableUnder(header: string): string[][] {
  const lines = README.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${header} |`));
  if (start < 0) throw new Error(`The README has no table headed "${header}".`);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.replaceAll('`', '').trim()),
  );
}

it.each([
  ['job status', JOB_STATUSES],
  ['task status', TASK_STATUSES],
])('shows the %s table as it stands in the code', (header, statuses) => {
  const rows = Object.entries(statuses).map(([status, { next, meaning }]) => [
    status,
    meaning,
    next.length > 0 ? next.join(', ') : '–',
  ]);
  expect(tableUnder(header)).toEqual(rows);
});

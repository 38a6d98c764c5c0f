import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { JOB_STATUSES } from '../../src/domain/job-status.ts';
import { TASK_STATUSES } from '../../src/domain/task-status.ts';
import { readTestTitles } from '../support/test-titles.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const README = readFileSync(resolve(ROOT, 'README.md'), 'utf8');

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

describe('what happens if …', () => {
  const section = /\n## What happens if …\n([\s\S]*?)\n## /.exec(README)?.[1] ?? '';
  const lines = section.split('\n').filter((line) => /^\| (?!-|.*\| shown by \|$)/.test(line));
  const linksOf = (line: string) =>
    [...line.matchAll(/\[([\w-]+)\]\((test\/[\w./-]+) "([^"]+)"\)/g)].map(([, name, file, title]) => ({
      name: name!,
      file: file!,
      title: title!,
    }));

  it('names in each line a test that shows it', () => {
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.filter((line) => linksOf(line).length === 0)).toEqual([]);
  });

  const named = lines.flatMap(linksOf);
  it.each([...new Map(named.map((link) => [link.file + link.title, link])).values()])(
    '$file has "$title"',
    ({ name, file, title }) => {
      expect(file).toMatch(new RegExp(`/${name}\\.test\\.ts$`));
      const path = resolve(ROOT, file);
      expect(existsSync(path)).toBe(true);
      expect(readTestTitles(path)).toContain(title);
    },
  );
});

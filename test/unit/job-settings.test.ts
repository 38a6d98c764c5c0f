import { describe, expect, it } from 'vitest';
import { findClosestName } from '../../src/domain/closest-name.ts';
import type { InputIssue } from '../../src/domain/input-issue.ts';
import { validateSettings } from '../../src/domain/job-settings.ts';
import { defineJobType, type Settings } from '../../src/domain/job-type.ts';

const { settings: declarations } = defineJobType({
  name: 'sample',
  label: 'Sample',
  description: 'One setting of each type.',
  version: '1',
  taskTypes: ['misc'],
  settings: [
    { key: 'title', label: 'Title', description: '', type: 'STRING', required: true },
    {
      key: 'quality',
      label: 'Quality',
      description: '',
      type: 'STRING',
      default: 'DRAFT',
      choices: ['DRAFT', 'FINAL'],
    },
    { key: 'count', label: 'Count', description: '', type: 'INTEGER', default: 3, minimum: 1, maximum: 10 },
    { key: 'ratio', label: 'Ratio', description: '', type: 'FLOAT', minimum: 0, maximum: 1 },
    { key: 'verbose', label: 'Verbose', description: '', type: 'BOOLEAN', default: false },
    { key: 'file', label: 'File', description: '', type: 'FILE_PATH' },
    { key: 'folder', label: 'Folder', description: '', type: 'DIRECTORY_PATH' },
    { key: 'frames', label: 'Frames', description: '', type: 'FRAMES' },
    {
      key: 'even',
      label: 'Even',
      description: '',
      type: 'INTEGER',
      default: 2,
      check: (value, { count }) => (value === 4 && count === 3 ? 'cannot be 4 while count is 3' : null),
      explain: (value) => (value === 'two' ? 'is a number here, not a word' : null),
    },
  ],
  compile: () => [],
});

function accepted(given: unknown): Settings {
  const result = validateSettings(declarations, given);
  if ('issues' in result) throw new Error(JSON.stringify(result.issues));
  return result.settings;
}

function refused(given: unknown): readonly InputIssue[] {
  const result = validateSettings(declarations, given);
  if ('settings' in result) throw new Error(`accepted: ${JSON.stringify(result.settings)}`);
  return result.issues;
}

const DEFAULTS = { quality: 'DRAFT', count: 3, verbose: false, even: 2 };

describe('validateSettings', () => {
  it('fills in defaults and leaves out what has none', () => {
    expect(accepted({ title: 'a' })).toStrictEqual({ title: 'a', ...DEFAULTS });
  });

  it('keeps values as they were given', () => {
    const given = {
      title: ' two\nlines ',
      quality: 'FINAL',
      count: 10,
      ratio: 0.5,
      verbose: true,
      file: 'C:\\a.blend',
      folder: '/out/',
      frames: '1 - 10 , 3',
      even: 4,
    };
    expect(accepted(given)).toStrictEqual(given);
  });

  it('takes null for not given', () => {
    expect(accepted({ title: 'a', count: null, file: null })).toStrictEqual({ title: 'a', ...DEFAULTS });
    expect(refused({ title: null })).toMatchObject([{ path: ['settings', 'title'] }]);
  });

  it('takes objects without a prototype, as GraphQL makes them of literals', () => {
    expect(accepted(Object.assign(Object.create(null), { title: 'a' }))).toMatchObject({ title: 'a' });
  });

  it('refuses everything that is wrong at once, each by its path', () => {
    const issues = refused({ quality: 'BEST', count: 11, ratio: '1', file: 'a.blend', frames: '10-1', nonsense: 1 });
    expect(issues.map(({ path }) => path)).toStrictEqual(
      ['nonsense', 'title', 'quality', 'count', 'ratio', 'file', 'frames'].map((key) => ['settings', key]),
    );
    expect(issues.every(({ message }) => /[.?]$/.test(message))).toBe(true);
  });

  it('says what was given and what is allowed', () => {
    expect(refused({ title: 'a', count: 11 })).toStrictEqual([
      {
        path: ['settings', 'count'],
        message: 'count is 11, more than 10.',
        given: 11,
        allowed: 'a whole number from 1 to 10',
      },
    ]);
    expect(refused({})).toStrictEqual([
      { path: ['settings', 'title'], message: 'title is required.', allowed: 'text' },
    ]);
  });

  it.each([
    ['title', 7],
    ['title', ''],
    ['title', ' \t'],
    ['title', 'a\u0000'],
    ['title', '\ud800'],
    ['title', 'a'.repeat(1001)],
    ['title', ['a']],
    ['quality', ''],
    ['quality', 'draft'],
    ['quality', 1],
    ['count', 0],
    ['count', 11],
    ['count', 1.5],
    ['count', '3'],
    ['count', true],
    ['count', Number.NaN],
    ['count', Number.POSITIVE_INFINITY],
    ['ratio', -0.1],
    ['ratio', 1.1],
    ['ratio', '0.5'],
    ['ratio', Number.NaN],
    ['ratio', Number.NEGATIVE_INFINITY],
    ['verbose', 'true'],
    ['verbose', 0],
    ['file', 'a.blend'],
    ['file', '//a.blend'],
    ['file', '~/a.blend'],
    ['file', '/folder/'],
    ['file', ''],
    ['file', 5],
    ['file', `/${'a'.repeat(1023)}`],
    ['folder', 'out'],
    ['folder', '/a\nb'],
    ['frames', ''],
    ['frames', ' '],
    ['frames', 7],
    ['frames', '1,,2'],
    ['frames', '0-1000000'],
    ['frames', {}],
  ])('refuses %s: %j', (key, value) => {
    const issues = refused({ title: 'a', [key]: value });
    expect(issues).toHaveLength(1);
    expect(issues[0]).toMatchObject({ path: ['settings', key], given: value });
    expect(issues[0]!.message).toMatch(new RegExp(`^${key} .*[.?]$`));
    expect(issues[0]!.message.length).toBeLessThan(250);
    expect(issues[0]!.allowed).not.toBe('');
  });

  it.each([
    ['file', '/x.blend'],
    ['file', 'C:\\x.blend'],
    ['file', 'C:/x.blend'],
    ['file', '\\\\server\\share\\x.blend'],
    ['folder', '/'],
    ['folder', '/out/'],
    ['ratio', 0],
    ['ratio', 1],
    ['count', 1],
    ['frames', '-5--1'],
  ])('accepts %s: %j', (key, value) => {
    expect(accepted({ title: 'a', [key]: value })).toMatchObject({ [key]: value });
  });

  it('names the offending part of a frame range', () => {
    expect(refused({ title: 'a', frames: '1-4,10-1' })).toMatchObject([
      { message: 'frames cannot be read. "10-1" ends before it begins: write 1-10.', given: '1-4,10-1' },
    ]);
  });

  it('names the setting or the choice that was probably meant', () => {
    expect(refused({ title: 'a', qualty: 1 })[0]).toMatchObject({
      message: 'There is no setting "qualty"; did you mean quality?',
      allowed: 'title, quality, count, ratio, verbose, file, folder, frames, even',
    });
    expect(refused({ title: 'a', quality: 'final' })[0]!.message).toContain('did you mean FINAL?');
    expect(refused({ title: 'a', zebra: 1 })[0]!.message).toBe('There is no setting "zebra".');
  });

  it.each(['__proto__', 'constructor', 'toString'])('knows no setting %s', (key) => {
    expect(refused(JSON.parse(`{"title":"a","${key}":{"count":1}}`))).toMatchObject([{ path: ['settings', key] }]);
  });

  it('counts what is more than twenty unknown settings', () => {
    const issues = refused({ title: 'a', ...Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`x${i}`, i])) });
    expect(issues).toHaveLength(21);
    expect(issues.at(-1)).toMatchObject({ path: ['settings'], message: '4980 more settings are unknown.' });
  });

  it.each([null, undefined, 'a', 7, true, [['title', 'a']]])('refuses %j in place of settings', (given) => {
    expect(refused(given)).toMatchObject([{ path: ['settings'] }]);
  });

  it('asks the check of a setting with the other values, defaults included', () => {
    expect(refused({ title: 'a', even: 4 })).toMatchObject([
      { message: 'even cannot be 4 while count is 3.', given: 4 },
    ]);
    expect(accepted({ title: 'a', even: 4, count: 5 })).toMatchObject({ even: 4 });
  });

  it('keeps wrong values from the checks of others', () => {
    expect(refused({ title: 'a', even: 4, count: 'x' }).map(({ path }) => path[1])).toStrictEqual(['count']);
  });

  it('takes the better sentence for a refused value', () => {
    expect(refused({ title: 'a', even: 'two' })[0]!.message).toBe('even is a number here, not a word.');
    expect(refused({ title: 'a', even: 'four' })[0]!.message).toContain('not the text "four"');
  });
});

describe('findClosestName', () => {
  const names = ['chunkSize', 'outputPath', 'fps', 'frames'];
  it.each([
    ['chunk_size', 'chunkSize'],
    ['ChunkSize', 'chunkSize'],
    ['chunkSzie', 'chunkSize'],
    ['outputpath', 'outputPath'],
    ['frame', 'frames'],
    ['fp', 'fps'],
    ['x', null],
    ['xyz', null],
    ['', null],
    ['chunkSize'.repeat(1000), null],
  ])('%s → %s', (given, name) => {
    expect(findClosestName(given, names)).toBe(name);
  });
});

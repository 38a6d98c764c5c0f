import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chunkFrames,
  countFrames,
  FIRST_FRAME,
  FrameRangeError,
  formatFrameRange,
  framesFrom,
  LAST_FRAME,
  MAX_FRAMES,
  parseFrameRange,
} from '../../src/domain/frame-range.ts';

const frameNumber = fc.oneof(fc.integer({ min: -60, max: 60 }), fc.integer({ min: FIRST_FRAME, max: LAST_FRAME }));
const frameSet = fc
  .uniqueArray(frameNumber, { minLength: 1, maxLength: 80 })
  .map((frames) => frames.toSorted((a, b) => a - b));

/** One part as people write it, with the frames that it names, made without the parser. */
const part = fc
  .record({
    first: fc.integer({ min: -500, max: 500 }),
    length: fc.nat(300),
    step: fc.integer({ min: 1, max: 400 }),
    sign: fc.constantFrom('-', '..', ' - ', ' .. '),
    blank: fc.constantFrom('', ' ', '\t'),
  })
  .map(({ first, length, step, sign, blank }) => {
    const stepText = step === 1 ? '' : `${blank}x${blank}${step}`;
    return {
      text: `${blank}${first}${sign}${first + length}${stepText}${blank}`,
      frames: Array.from({ length: Math.floor(length / step) + 1 }, (_, i) => first + i * step),
    };
  });

function errorOf(text: string): FrameRangeError {
  try {
    parseFrameRange(text);
  } catch (error) {
    if (error instanceof FrameRangeError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

describe('parseFrameRange', () => {
  it.each([
    ['7', [7]],
    ['1-4', [1, 2, 3, 4]],
    ['1..4', [1, 2, 3, 4]],
    ['0001-0004', [1, 2, 3, 4]],
    ['1-10x3', [1, 4, 7, 10]],
    ['1-9x3', [1, 4, 7]],
    ['1..10X3', [1, 4, 7, 10]],
    ['1-10x100', [1]],
    ['5,7,9-12', [5, 7, 9, 10, 11, 12]],
    [' 9 - 12 , 7,\t5 ', [5, 7, 9, 10, 11, 12]],
    ['1 - 7 x 3', [1, 4, 7]],
    ['-5', [-5]],
    ['-0', [0]],
    ['-5..-1', [-5, -4, -3, -2, -1]],
    ['-5--1', [-5, -4, -3, -2, -1]],
    ['-5 - -1', [-5, -4, -3, -2, -1]],
    ['-3-2', [-3, -2, -1, 0, 1, 2]],
    ['-4..4x4', [-4, 0, 4]],
    ['3,1-4,2,1-4', [1, 2, 3, 4]],
    ['1-9x4,1-9x2', [1, 3, 5, 7, 9]],
    ['-1048574,1048574', [FIRST_FRAME, LAST_FRAME]],
  ])('reads %j', (text, frames) => {
    expect(parseFrameRange(text)).toStrictEqual(frames);
    expect(countFrames(text)).toBe(frames.length);
  });

  it.each([
    ['', '', 'empty'],
    [' \t', ' \t', 'empty'],
    ['1,,2', '', 'Part 2'],
    [',1', '', 'Part 1'],
    ['1, ', ' ', 'Part 2'],
    ['3,10-1', '10-1', 'write 1-10'],
    ['1--5', '1--5', 'write -5..1'],
    ['10..1x3', '10..1x3', 'write 1-10x3'],
    ['1-10x0', '1-10x0', 'step of 0'],
    ['1-10x-2', '1-10x-2', '1-100x5'],
    ['1-10x', '1-10x', '1-100x5'],
    ['5x2', '5x2', '1-100x5'],
    ['1-2-3', '1-2-3', '1-100x5'],
    ['1 2', '1 2', '1-100x5'],
    ['- 5', '- 5', '1-100x5'],
    ['1...5', '1...5', '1-100x5'],
    ['1.5', '1.5', '1-100x5'],
    ['1e3', '1e3', '1-100x5'],
    ['+5', '+5', '1-100x5'],
    ['4,1–10', '1–10', '1-100x5'],
    ['all', 'all', '1-100x5'],
    ['1;2', '1;2', '1-100x5'],
    ['1,1048575', '1048575', '1,048,574'],
    ['-1048575', '-1048575', '-1,048,574'],
    ['1-1048575', '1-1048575', '1,048,574'],
    [`1,${'9'.repeat(9000)}`, '9'.repeat(9000), '1,048,574'],
  ])('refuses %j by naming the part %j', (text, offending, message) => {
    const error = errorOf(text);
    expect(error.part).toBe(offending);
    expect(error.message).toContain(message);
    if (offending.trim() !== '') expect(error.message).toContain(`"${offending.slice(0, 40)}`);
    expect(error.message.length).toBeLessThan(200);
    expect(error.allowed).toContain('1-100x5');
  });

  it('takes 1,000,000 frames and refuses one more', () => {
    expect(parseFrameRange('1-1000000')).toHaveLength(MAX_FRAMES);
    expect(parseFrameRange('0-999999,500000-999999,0-999999')).toHaveLength(MAX_FRAMES);
    expect(errorOf('0-1000000').message).toContain('1,000,001 frames');
    expect(errorOf('1-500000,500001-1000001').message).toContain('1,000,001 frames');
    expect(errorOf('1-1000000,-1').message).toContain('at most 1,000,000');
    expect(errorOf('-1048574..1048574x2,-1048573..1048574x2').message).toContain('2,097,149 frames');
  });

  // 25,000 such ranges, expanded, would be 25,000,000,000 numbers: no patience would be enough.
  it('counts before it expands, so that a repeated huge range costs nothing', () => {
    const repeated = (text: string, times: number) => Array(times).fill(text).join(',');
    expect(countFrames(repeated('1-1000000', 25_000))).toBe(MAX_FRAMES);
    expect(countFrames(repeated('1-1000000x2', 25_000))).toBe(MAX_FRAMES / 2);
    const offset = Array.from({ length: 20_000 }, (_, i) => `${i}-1000000x${i + 2}`).join(',');
    expect(errorOf(offset).message).toContain('at most 1,000,000');
  });

  it('gives the union of its parts, ascending, each frame once', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
        const union = [...new Set(parts.flatMap(({ frames }) => frames))].sort((a, b) => a - b);
        expect(parseFrameRange(parts.map(({ text }) => text).join(','))).toStrictEqual(union);
      }),
    );
  });

  it('ends with frames or a FrameRangeError, whatever the text', () => {
    const close = fc.string({
      unit: fc.constantFrom(...'0123456789-.,x X\t'),
      maxLength: 10_000,
      size: 'max',
    });
    fc.assert(
      fc.property(fc.oneof(close, fc.string({ unit: 'binary', maxLength: 10_000, size: 'max' })), (text) => {
        try {
          expect(parseFrameRange(text).length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameRangeError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    '1'.repeat(10_000),
    `${'1 '.repeat(5_000)}`,
    `1${' '.repeat(9_998)}y`,
    '-'.repeat(10_000),
    `1-1${' '.repeat(9_990)}x`,
  ])('refuses a long hostile text at once (%#)', (text) => {
    const started = performance.now();
    errorOf(text);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('formatFrameRange', () => {
  it.each([
    [[], ''],
    [[7], '7'],
    [[1, 2], '1-2'],
    [[1, 3], '1,3'],
    [[1, 3, 5], '1-5x2'],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], '1-10'],
    [[1, 3, 5, 7, 9], '1-9x2'],
    [[5, 7, 9, 10, 11, 12], '5,7,9-12'],
    [[1, 100, 103, 106], '1,100-106x3'],
    [[1, 2, 4, 6, 8], '1-2,4-8x2'],
    [[-5, -4, -3, -2, -1], '-5..-1'],
    [[-1, 0, 1], '-1..1'],
    [[-9, -6, -3, 0], '-9..0x3'],
    [[-5, -2], '-5,-2'],
  ])('writes %j as %j', (frames, text) => {
    expect(formatFrameRange(frames)).toBe(text);
  });

  it('is read back as the same frames', () => {
    fc.assert(
      fc.property(frameSet, (frames) => {
        expect(parseFrameRange(formatFrameRange(frames))).toStrictEqual(frames);
      }),
    );
  });

  it('is never longer than the list of all frames, and stays as it is when read and written again', () => {
    fc.assert(
      fc.property(frameSet, (frames) => {
        const text = formatFrameRange(frames);
        expect(text.length).toBeLessThanOrEqual(frames.join(',').length + frames.filter((frame) => frame < 0).length);
        expect(formatFrameRange(parseFrameRange(text))).toBe(text);
      }),
    );
  });
});

describe('framesFrom', () => {
  it('gives the frames of a formatted text from a number on, ascending', () => {
    fc.assert(
      fc.property(frameSet, fc.integer({ min: FIRST_FRAME - 1, max: LAST_FRAME + 1 }), (frames, from) => {
        const text = formatFrameRange(frames);
        for (const start of [from, frames[0]!, frames.at(-1)!, frames[0]! + 1])
          expect([...framesFrom(text, start)]).toStrictEqual(frames.filter((frame) => frame >= start));
      }),
    );
  });

  it('makes no list of what is not asked for', () => {
    expect(framesFrom('1-1000000', 999_000).next().value).toBe(999_000);
    expect(framesFrom('1-1000000x7', 999_000).next().value).toBe(999_006);
  });
});

describe('chunkFrames', () => {
  it('cuts 24 frames into six chunks of four', () => {
    expect(chunkFrames(parseFrameRange('1-24'), 4).map(formatFrameRange)).toStrictEqual([
      '1-4',
      '5-8',
      '9-12',
      '13-16',
      '17-20',
      '21-24',
    ]);
  });

  it('gives full chunks but for the last, and all frames in their order', () => {
    fc.assert(
      fc.property(frameSet, fc.integer({ min: 1, max: 100 }), (frames, size) => {
        const chunks = chunkFrames(frames, size);
        expect(chunks.flat()).toStrictEqual(frames);
        expect(chunks.slice(0, -1).every((chunk) => chunk.length === size)).toBe(true);
        expect(chunks.at(-1)!.length).toBeGreaterThan(0);
        expect(chunks.at(-1)!.length).toBeLessThanOrEqual(size);
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses a size of %d', (size) => {
    expect(() => chunkFrames([1, 2], size)).toThrow(RangeError);
  });

  it('cuts nothing into no chunks', () => {
    expect(chunkFrames([], 3)).toStrictEqual([]);
  });
});

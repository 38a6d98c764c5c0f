/**
 * Frame ranges as people write them: `1-10`, `1..10`, `1-100x5` (every fifth), `5,7,9-12`, `-5..-1` or `-5--1`,
 * `-10-5` (from -10 to 5). Blanks around numbers and signs are fine.
 */

import { quote } from './quote.ts';

/** Blender's MAXFRAME; `frame_set` silently moves what lies beyond to the limit. */
export const LAST_FRAME = 1_048_574;
export const FIRST_FRAME = -LAST_FRAME;

/** How many frames a job may have. */
export const MAX_FRAMES = 1_000_000;

export const FRAME_RANGE_ALLOWED =
  'frames such as 1-10, 1-100x5, 5,7,9-12 or -5..-1, ' +
  `from ${FIRST_FRAME.toLocaleString('en')} to ${LAST_FRAME.toLocaleString('en')}, at most ${MAX_FRAMES.toLocaleString('en')} of them`;

/** Text that is no frame range. The message names the offending part and says what would do. */
export class FrameRangeError extends Error {
  override name = 'FrameRangeError';
  /** The part between two commas that is wrong; the whole text when it is the sum of the parts. */
  readonly part: string;
  readonly allowed = FRAME_RANGE_ALLOWED;

  constructor(part: string, message: string) {
    super(message);
    this.part = part;
  }
}

interface Segment {
  readonly first: number;
  readonly last: number;
  readonly step: number;
}

const PART = /^(-?\d+)(?:\s*(?:\.\.|-)\s*(-?\d+)(?:\s*x\s*(\d+))?)?$/i;

/**
 * The frames that the text names: each once, ascending.
 *
 * Throws FrameRangeError, and nothing else. The frames are counted before any list is made; plain ranges that overlap
 * count once, a range with a step counts in full.
 */
export function parseFrameRange(text: string): readonly number[] {
  if (text.trim() === '')
    throw new FrameRangeError(text, 'The frame range is empty: name at least one frame, as in 1-10.');
  const segments = text.split(',').map(parsePart);
  const plain = mergePlain(segments.filter(({ step }) => step === 1));
  const stepped = unique(segments.filter(({ step }) => step > 1));
  const total = [...plain, ...stepped].reduce((sum, segment) => sum + countSegment(segment), 0);
  if (total > MAX_FRAMES) {
    const limit = MAX_FRAMES.toLocaleString('en');
    throw new FrameRangeError(
      text,
      `${quote(text)} names ${total.toLocaleString('en')} frames; at most ${limit} are allowed.`,
    );
  }
  const frames = new Int32Array(total);
  let length = 0;
  for (const { first, last, step } of [...plain, ...stepped]) {
    for (let frame = first; frame <= last; frame += step) frames[length++] = frame;
  }
  if (stepped.length === 0) return Array.from(frames);
  return Array.from(frames.sort()).filter((frame, index, all) => frame !== all[index - 1]);
}

/** How many frames the text names. Throws FrameRangeError. */
export function countFrames(text: string): number {
  return parseFrameRange(text).length;
}

/**
 * The frames of a text as formatFrameRange writes it, ascending, from a number on. One after the other: a page of a task
 * with a million frames costs the page.
 */
export function* framesFrom(text: string, from: number): Generator<number> {
  for (const { first, last, step } of text.split(',').map(parsePart)) {
    const skipped = Math.max(0, Math.ceil((from - first) / step));
    for (let frame = first + skipped * step; frame <= last; frame += step) yield frame;
  }
}

/**
 * The shortest text that reads well and that parseFrameRange gives back. `frames` ascend, each once; none give `''`.
 *
 * Neighbours become ranges first, then three or more frames at one distance a range with a step: `5,7,9-12`, not
 * `5-9x2,10-12`. Ranges with a negative end are written with two dots, for `-5--1` is hard to read.
 */
export function formatFrameRange(frames: readonly number[]): string {
  const parts: string[] = [];
  let singles: number[] = [];
  const closeSingles = () => {
    parts.push(...formatSingles(singles));
    singles = [];
  };
  for (let start = 0; start < frames.length; ) {
    const end = endOfRun(frames, start, 1);
    if (end === start) {
      singles.push(frames[start]!);
    } else {
      closeSingles();
      parts.push(formatSegment(frames[start]!, frames[end]!, 1));
    }
    start = end + 1;
  }
  closeSingles();
  return parts.join(',');
}

/** The frames in their order, `size` (a whole number from 1) to a chunk; the last chunk may be smaller. */
export function chunkFrames(frames: readonly number[], size: number): number[][] {
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`A chunk holds a whole number of frames from 1, not ${size}.`);
  return Array.from({ length: Math.ceil(frames.length / size) }, (_, i) => frames.slice(i * size, (i + 1) * size));
}

function parsePart(given: string, index: number): Segment {
  const part = given.trim();
  if (part === '')
    throw new FrameRangeError(given, `Part ${index + 1} of the frame range is empty: leave out the extra comma.`);
  const match = PART.exec(part);
  if (match === null)
    throw new FrameRangeError(part, `${quote(part)} is not a frame range: write 7, 1-10, 1..10 or 1-100x5.`);
  const first = parseFrame(match[1]!, part);
  const last = match[2] === undefined ? first : parseFrame(match[2], part);
  const step = match[3] === undefined ? 1 : Number(match[3]);
  if (step === 0) throw new FrameRangeError(part, `${quote(part)} has a step of 0: the step is a whole number from 1.`);
  if (last < first) {
    throw new FrameRangeError(part, `${quote(part)} ends before it begins: write ${formatSegment(last, first, step)}.`);
  }
  return step > last - first && last > first
    ? { first, last: first, step: 1 }
    : { first, last, step: last === first ? 1 : step };
}

function parseFrame(digits: string, part: string): number {
  // `+ 0` turns -0 into 0, which would print alike and compare differently.
  const frame = Number(digits) + 0;
  if (frame >= FIRST_FRAME && frame <= LAST_FRAME) return frame;
  const [low, high] = [FIRST_FRAME, LAST_FRAME].map((limit) => limit.toLocaleString('en'));
  throw new FrameRangeError(part, `${quote(part)} is out of bounds: frame numbers go from ${low} to ${high}.`);
}

function countSegment({ first, last, step }: Segment): number {
  return Math.floor((last - first) / step) + 1;
}

function mergePlain(segments: readonly Segment[]): readonly Segment[] {
  const merged: Segment[] = [];
  for (const segment of segments.toSorted((a, b) => a.first - b.first)) {
    const previous = merged.at(-1);
    if (previous !== undefined && segment.first <= previous.last + 1) {
      merged[merged.length - 1] = { ...previous, last: Math.max(previous.last, segment.last) };
    } else {
      merged.push(segment);
    }
  }
  return merged;
}

function unique(segments: readonly Segment[]): readonly Segment[] {
  return [
    ...new Map(segments.map((segment) => [`${segment.first} ${segment.last} ${segment.step}`, segment])).values(),
  ];
}

/** The last index up to which each frame follows the one before it at the distance `step`. */
function endOfRun(frames: readonly number[], start: number, step: number): number {
  let end = start;
  while (end + 1 < frames.length && frames[end + 1]! - frames[end]! === step) end += 1;
  return end;
}

function formatSingles(frames: readonly number[]): string[] {
  const parts: string[] = [];
  for (let start = 0; start < frames.length; ) {
    const step = (frames[start + 1] ?? Number.NaN) - frames[start]!;
    const end = endOfRun(frames, start, step);
    const isRange = end >= start + 2;
    parts.push(isRange ? formatSegment(frames[start]!, frames[end]!, step) : String(frames[start]));
    start = isRange ? end + 1 : start + 1;
  }
  return parts;
}

function formatSegment(first: number, last: number, step: number): string {
  return `${first}${first < 0 || last < 0 ? '..' : '-'}${last}${step === 1 ? '' : `x${step}`}`;
}

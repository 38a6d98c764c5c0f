import type { Output, Progress } from './gateway-client.ts';

/** How far the present frame is, as Blender's log tells it; the frames themselves are told by our own script. */
export interface FrameProgress {
  /** From 0 to 1. */
  readonly fraction: number;
  readonly activity: string;
}

// Blender 3.x and 4.x: `Fra:5 Mem:… | Rendered 3/4 Tiles, Sample 16/128`; 5.x: a clock and a category, then `Sample 16/128`
const SAMPLE = /\bSample (\d+)\/(\d+)/;
const TILES = /\bRendered (\d+)\/(\d+) Tiles/;
/** EEVEE, up to 4.x. */
const EEVEE_SAMPLE = /\bRendering (\d+) \/ (\d+) samples/;

/** @returns undefined for a line that says nothing about it */
export function readFrameProgress(line: string): FrameProgress | undefined {
  const tiles = readRatio(TILES, line);
  const sample = readRatio(SAMPLE, line) ?? readRatio(EEVEE_SAMPLE, line);
  if (tiles !== undefined) {
    const within = (sample?.fraction ?? 0) / tiles.total;
    return { fraction: Math.min(1, tiles.fraction + within), activity: `tile ${tiles.done} of ${tiles.total}` };
  }
  if (sample === undefined) return undefined;
  return { fraction: sample.fraction, activity: `sample ${sample.done} of ${sample.total}` };
}

function readRatio(pattern: RegExp, line: string): { done: number; total: number; fraction: number } | undefined {
  const match = pattern.exec(line);
  if (match === null) return undefined;
  const [done, total] = [Number(match[1]), Number(match[2])];
  return total > 0 ? { done, total, fraction: Math.min(1, done / total) } : undefined;
}

/** Adds up what is known of a chunk of frames. */
export class ChunkProgress {
  readonly #total: number;
  readonly #report: (progress: Progress) => void;
  #done: number;
  #frame: number | undefined;
  #newest: Progress;

  /** @param there the files of frames that need no rendering */
  constructor(total: number, there: readonly Output[], report: (progress: Progress) => void) {
    this.#total = total;
    this.#done = there.length;
    this.#report = report;
    this.#newest = { fraction: there.length / total };
    if (there.length > 0) this.#report({ ...this.#newest, outputs: there });
  }

  begin(frame: number): void {
    this.#frame = frame;
    this.#tell(0, `rendering frame ${frame}`);
  }

  finish(frame: number): void {
    this.#done += 1;
    this.#tell(0, `saved frame ${frame}`);
  }

  /** A frame's file is in its place. */
  place(output: Output): void {
    this.#report({ ...this.#newest, outputs: [output] });
  }

  readLine(line: string): void {
    const progress = readFrameProgress(line);
    if (progress === undefined || this.#frame === undefined) return;
    this.#tell(progress.fraction, `rendering frame ${this.#frame}, ${progress.activity}`);
  }

  #tell(fractionOfFrame: number, activity: string): void {
    const fraction = Math.min(1, (this.#done + fractionOfFrame) / this.#total);
    this.#newest = { fraction, frame: this.#frame, activity };
    this.#report(this.#newest);
  }
}

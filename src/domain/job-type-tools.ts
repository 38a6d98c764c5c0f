import { chunkFrames, formatFrameRange, parseFrameRange } from './frame-range.ts';
import { type FrameFormat, framePath, previewVideoPath, toOutputPattern } from './output-path.ts';

/** What job types of one's own need to make tasks of frames; the second argument of `compile`. */
export interface JobTypeTools {
  /** `1-5` → [1, 2, 3, 4, 5], ascending, each once. */
  parseFrames(text: string): readonly number[];
  /** [1, 2, 3] → `1-3`. */
  formatFrames(frames: readonly number[]): string;
  /** `1-5` in twos → [`1-2`, `3-4`, `5`]. */
  chunkFrames(text: string, size: number): readonly string[];
  /** `/out/a_####.png` → `/out/a_####`, which is what `blender-render` takes as `output`. */
  outputPattern(path: string, format: FrameFormat): string;
  /** The file of a frame: `/out/a_####`, PNG, 7 → `/out/a_0007.png`. */
  framePath(pattern: string, format: FrameFormat, frame: number): string;
  /** Where the preview video of these frames goes, beside them. */
  previewVideoPath(pattern: string, frames: readonly number[]): string;
}

export const JOB_TYPE_TOOLS: JobTypeTools = {
  parseFrames: parseFrameRange,
  formatFrames: formatFrameRange,
  chunkFrames: (text, size) => chunkFrames(parseFrameRange(text), size).map(formatFrameRange),
  outputPattern: toOutputPattern,
  framePath,
  previewVideoPath,
};

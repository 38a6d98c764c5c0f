import { countBytes, MAX_FILE_NAME_BYTES, splitPath } from './file-path.ts';
import { formatFrameRange, LAST_FRAME } from './frame-range.ts';

/** The formats that frames are rendered in, by Blender's names, and how Blender ends their files. */
// biome-ignore format: one format per line
export const FORMAT_EXTENSIONS = {
  PNG:      '.png',
  JPEG:     '.jpg',
  OPEN_EXR: '.exr',
  TIFF:     '.tif',
  WEBP:     '.webp',
} as const satisfies Record<string, string>;

export type FrameFormat = keyof typeof FORMAT_EXTENSIONS;

export const FRAME_FORMATS = Object.keys(FORMAT_EXTENSIONS) as readonly FrameFormat[];

const OTHER_SPELLINGS = { '.jpeg': '.jpg', '.tiff': '.tif' } as const;
const IMAGE_EXTENSION = /\.(png|jpe?g|exr|tiff?|webp|bmp|tga|dpx|cin|hdr|jp2|rgb|sgi)$/i;
const MOVIE_EXTENSION = /\.(mp4|mov|mkv|avi|webm|ogv|ogg|mpe?g|m4v|flv|dv)$/i;

const EXAMPLE = '/out/shot_######';

/** A range in a file's name longer than this is told by its ends and its number of frames. */
const MAX_RANGE_IN_NAME = 40;

/**
 * The file of a frame: the run of `#` becomes the number, padded to its length, and the format's extension is added.
 * A negative number has its sign before the padding (`-0003`), as Blender's `scene.render.frame_path` writes it.
 *
 * `pattern` is what toOutputPattern gives: one run of `#`, in the file's name, no extension. Throws RangeError otherwise.
 */
export function framePath(pattern: string, format: FrameFormat, frame: number): string {
  return replaceRun(pattern, (length) => formatFrameNumber(frame, length)) + FORMAT_EXTENSIONS[format];
}

/** The frame's number with at least `digits` digits, its sign in front of them. */
export function formatFrameNumber(frame: number, digits: number): string {
  return (frame < 0 ? '-' : '') + String(Math.abs(frame)).padStart(digits, '0');
}

/** The pattern without the extension that fits the format: `/out/a_##.png` and `/out/a_##` are the same for PNG. */
export function toOutputPattern(path: string, format: FrameFormat): string {
  const extension = extensionOf(path);
  return extension !== null && isExtensionOf(extension, format) ? path.slice(0, -extension.length) : path;
}

/**
 * What is wrong with an output path, as a predicate ("has no # …"), or null. An unknown format leaves its extension unchecked.
 */
export function findOutputFault(path: string, format: FrameFormat | null): string | null {
  const { folder, name } = splitPath(path);
  const runs = name.match(/#+/g) ?? [];
  if (runs.length === 0 && !folder.includes('#'))
    return `has no #; put one # for each digit where the frame number goes, as in ${EXAMPLE}`;
  if (folder.includes('#')) return `has # in a folder's name; only the file's name may have it, as in ${EXAMPLE}`;
  if (runs.length > 1)
    return `has ${runs.length} groups of #; leave one, where the frame number goes, as in ${EXAMPLE}`;
  if (/\{[^{}]*\}/.test(path)) return 'has a template in braces, which Blender 5 fills in; write what it stands for';
  const extension = extensionOf(path);
  if (MOVIE_EXTENSION.test(name)) {
    return `ends in ${extension}, a movie; frames are rendered as images, and the preview video is made from them: leave off ${extension}`;
  }
  if (format === null) return null;
  if (extension !== null && !isExtensionOf(extension, format)) {
    return `ends in ${extension}, but the format is ${format}; leave off the extension or change the format`;
  }
  const pattern = toOutputPattern(path, format);
  const longest = [framePath(pattern, format, -LAST_FRAME), videoPath(pattern, 'x'.repeat(MAX_RANGE_IN_NAME))];
  return longest.some((file) => countBytes(splitPath(file).name) > MAX_FILE_NAME_BYTES)
    ? `gives file names of more than ${MAX_FILE_NAME_BYTES} bytes; shorten the name or the row of #`
    : null;
}

/**
 * Where the preview video of these frames goes: beside them, named by its range, so that the videos of two ranges stand side
 * by side (`/out/shot_1-24-preview.mp4`), and none takes the place of a movie that somebody made by hand.
 */
export function previewVideoPath(pattern: string, frames: readonly number[]): string {
  const range = formatFrameRange(frames);
  if (range.length <= MAX_RANGE_IN_NAME) return videoPath(pattern, range);
  return videoPath(pattern, `${frames[0]}..${frames.at(-1)}-${frames.length}-frames`);
}

function videoPath(pattern: string, range: string): string {
  return `${replaceRun(pattern, () => range)}-preview.mp4`;
}

function replaceRun(pattern: string, replacement: (length: number) => string): string {
  const { folder, name } = splitPath(pattern);
  if (folder.includes('#') || name.match(/#+/g)?.length !== 1) {
    throw new RangeError(`An output pattern has one group of #, in the file's name: ${pattern}`);
  }
  return folder + name.replace(/#+/, (run) => replacement(run.length));
}

function extensionOf(path: string): string | null {
  return IMAGE_EXTENSION.exec(path)?.[0] ?? MOVIE_EXTENSION.exec(path)?.[0] ?? null;
}

function isExtensionOf(extension: string, format: FrameFormat): boolean {
  const known = extension.toLowerCase();
  return (OTHER_SPELLINGS[known as keyof typeof OTHER_SPELLINGS] ?? known) === FORMAT_EXTENSIONS[format];
}

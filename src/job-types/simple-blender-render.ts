import { chunkFrames, formatFrameRange, MAX_FRAMES, parseFrameRange } from '../domain/frame-range.ts';
import { type CompiledTask, defineJobType, MAX_TASKS, type Settings } from '../domain/job-type.ts';
import {
  FRAME_FORMATS,
  type FrameFormat,
  findOutputFault,
  previewVideoPath,
  toOutputPattern,
} from '../domain/output-path.ts';

/** Blender's names of movie formats, old and new, and what people call them. */
const MOVIE_FORMATS =
  /^(FFMPEG|AVI_JPEG|AVI_RAW|AVICODEC|AVI|MPEG\d?|MPEG-?4|MP4|H\.?26[45]|QUICKTIME|MOV|MKV|MATROSKA|WEBM|OGG|THEORA|XVID|FRAMESERVER|VIDEO)$/i;

/** A longer list of frames makes no readable name. */
const MAX_RANGE_IN_TASK_NAME = 60;

/**
 * Renders frames in chunks, then makes a preview video of all of them. A single frame is a still and gets no video. The
 * video shows the frames one after another; where the range has gaps, it jumps.
 */
export const simpleBlenderRender = defineJobType({
  name: 'simple-blender-render',
  label: 'Simple Blender Render',
  description: 'Renders the frames of a .blend file as images, and makes a preview video of them.',
  version: '1.0.0',
  taskTypes: ['blender', 'video'],
  settings: [
    {
      key: 'blendFile',
      label: 'Blend File',
      description: 'The file to render: an absolute path that the workers can read.',
      type: 'FILE_PATH',
      required: true,
      editable: false,
      sceneSource: 'BLEND_FILE',
      check: (path) => (/\.blend\d*$/i.test(path) ? null : 'is not a .blend file'),
    },
    {
      key: 'frames',
      label: 'Frames',
      description:
        'The frames to render: 47, 1-30, 1-100x5 (every fifth), 5,7,9-12, -5..-1. One frame makes a still, without a video.',
      type: 'FRAMES',
      required: true,
      sceneSource: 'FRAME_RANGE',
    },
    {
      key: 'chunkSize',
      label: 'Chunk Size',
      // 1: a worker keeps Blender open for the next chunk, so small chunks hardly cost time; a failure or a stop loses one
      // frame, and the last frames of a job spread over all workers.
      description: 'How many frames go into one task. Raise it when frames take less than a second or so.',
      type: 'INTEGER',
      default: 1,
      minimum: 1,
      maximum: MAX_FRAMES,
      check: findChunkFault,
    },
    {
      key: 'previewFramesFirst',
      label: 'Preview Frames First',
      description:
        'Render the first, the middle and the last frame before the others, each in a task of its own, so that a mistake shows early.',
      type: 'BOOLEAN',
      default: false,
    },
    {
      key: 'outputPath',
      label: 'Output Path',
      description:
        'Where the frames go: an absolute path with # for the digits of the frame number, such as /out/shot_######.',
      type: 'FILE_PATH',
      required: true,
      sceneSource: 'OUTPUT_PATH',
      check: (path, { format }) => findOutputFault(path, (format as FrameFormat | undefined) ?? null),
    },
    {
      key: 'format',
      label: 'Format',
      description: 'The image format of the frames.',
      type: 'STRING',
      default: 'PNG',
      choices: FRAME_FORMATS,
      sceneSource: 'FILE_FORMAT',
      explain: explainFormat,
    },
    {
      key: 'fps',
      label: 'Frame Rate',
      // It stays out of the render itself: another rate there would change the scene's simulations.
      description: 'Frames per second of the preview video.',
      type: 'FLOAT',
      default: 24,
      minimum: 1,
      maximum: 1_000,
      sceneSource: 'FPS',
    },
    {
      key: 'scene',
      label: 'Scene',
      description: "The scene to render; the file's active one when left out.",
      type: 'STRING',
      sceneSource: 'SCENE',
    },
    {
      key: 'camera',
      label: 'Camera',
      description: "The camera to render through; the scene's own when left out.",
      type: 'STRING',
      sceneSource: 'CAMERA',
    },
    {
      key: 'viewLayer',
      label: 'View Layer',
      description: 'The only view layer to render; those that the scene renders when left out.',
      type: 'STRING',
      sceneSource: 'VIEW_LAYER',
    },
    {
      key: 'resolutionPercent',
      label: 'Resolution %',
      description: "Scale of the picture in percent; the scene's own when left out.",
      type: 'INTEGER',
      minimum: 1,
      maximum: 32_767,
      sceneSource: 'RESOLUTION_PERCENT',
    },
    {
      key: 'samples',
      label: 'Samples',
      description: "Samples of the render engine; the scene's own when left out.",
      type: 'INTEGER',
      minimum: 1,
      maximum: 16_777_216,
      sceneSource: 'SAMPLES',
    },
    {
      key: 'blenderVersion',
      label: 'Blender Version',
      description: 'The Blender to render with: 5.2 for any 5.2, or 5.2.1; whichever a worker has when left out.',
      type: 'STRING',
      sceneSource: 'BLENDER_VERSION',
      check: (version) =>
        /^\d{1,2}\.\d{1,3}(\.\d{1,3})?$/.test(version) ? null : 'is no version of Blender; write it as 5.2 or 5.2.1',
    },
    {
      key: 'skipExisting',
      label: 'Skip Existing Frames',
      description: 'Leave out frames whose files are there already.',
      type: 'BOOLEAN',
      default: false,
    },
    {
      key: 'freshBlender',
      label: 'Fresh Blender',
      description:
        'Start Blender anew for each task instead of keeping it open: slower, for scenes that do not take it well.',
      type: 'BOOLEAN',
      default: false,
    },
  ],
  compile({ settings }) {
    const { blendFile, chunkSize, previewFramesFirst, format, fps, frames: range, outputPath, ...options } = settings;
    const frames = parseFrameRange(range);
    const output = toOutputPattern(outputPath, format);
    const chunks = previewFramesFirst ? chunkAfterPreview(frames, chunkSize) : chunkFrames(frames, chunkSize);
    const renders = chunks.map((chunk): CompiledTask => {
      const text = formatFrameRange(chunk);
      const parameters = { blendFile, frames: text, output, format, ...options };
      return {
        name: `render ${text.length <= MAX_RANGE_IN_TASK_NAME ? text : summarizeFrames(chunk)}`,
        type: 'blender',
        frames: text,
        commands: [{ name: 'blender-render', parameters }],
        dependsOn: [],
      };
    });
    if (frames.length === 1) return renders;
    // The submitted text where it is shorter: two interleaved steps unfold to megabytes.
    const written = formatFrameRange(frames);
    const parameters = {
      frames: written.length <= range.length ? written : range,
      input: output,
      format,
      output: previewVideoPath(output, frames),
      fps,
    };
    // The frames are the render tasks': the video's own would count each of them twice.
    const video: CompiledTask = {
      name: 'preview video',
      type: 'video',
      frames: null,
      commands: [{ name: 'frames-to-video', parameters }],
      dependsOn: renders.map((_, index) => index),
    };
    return [...renders, video];
  },
});

/** First, middle and last frame by themselves, then the others: tasks are given out in this order. */
function chunkAfterPreview(frames: readonly number[], size: number): readonly (readonly number[])[] {
  const preview = [...new Set([0, Math.floor((frames.length - 1) / 2), frames.length - 1])];
  const others = frames.filter((_, index) => !preview.includes(index));
  return [...preview.map((index) => [frames[index]!]), ...chunkFrames(others, size)];
}

function summarizeFrames(frames: readonly number[]): string {
  return `${frames[0]}..${frames.at(-1)} (${frames.length} frames)`;
}

function findChunkFault(size: number, { frames, previewFramesFirst }: Settings): string | null {
  if (typeof frames !== 'string') return null;
  const alone = previewFramesFirst === true ? 3 : 0;
  const count = parseFrameRange(frames).length - alone;
  const most = MAX_TASKS - 1 - alone; // the video is a task too
  const tasks = Math.ceil(count / size) + alone;
  if (tasks <= MAX_TASKS - 1) return null;
  const [n, limit, enough] = [tasks, MAX_TASKS, Math.ceil(count / most)].map((value) => value.toLocaleString('en'));
  return `of ${size} makes ${n} render tasks of these frames; a job has at most ${limit} tasks, so use a chunk size of ${enough} or more`;
}

function explainFormat(given: unknown): string | null {
  if (typeof given !== 'string') return null;
  if (MOVIE_FORMATS.test(given)) {
    return `cannot be ${given}, a movie format: farms render images, one file a frame. Choose PNG, and take the preview video that is made from the frames`;
  }
  if (given === 'OPEN_EXR_MULTILAYER') return 'cannot be OPEN_EXR_MULTILAYER; choose OPEN_EXR';
  return null;
}

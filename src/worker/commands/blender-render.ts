import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { PICTURE_SIDE } from '../../domain/frame-picture.ts';
import { parseFrameRange } from '../../domain/frame-range.ts';
import { FRAME_FORMATS, type FrameFormat, framePath } from '../../domain/output-path.ts';
import { withAttemptFolder } from '../attempt-folder.ts';
import type { BlenderProcess, OrderListener } from '../blender-process.ts';
import { verifyFile } from '../frame-file.ts';
import type { Output } from '../gateway-client.ts';
import { readStat } from '../job-files.ts';
import { OutputMover } from '../output-mover.ts';
import { ChunkProgress } from '../render-progress.ts';
import { explainBlenderFailure } from './blender-failure.ts';
import type { CommandContext } from './command-context.ts';
import { readParameters } from './parameters.ts';

const Parameters = z.object({
  blendFile: z.string(),
  frames: z.string(),
  output: z.string(),
  format: z.enum(FRAME_FORMATS),
  fps: z.number().positive().nullish(),
  scene: z.string().nullish(),
  camera: z.string().nullish(),
  viewLayer: z.string().nullish(),
  resolutionPercent: z.number().nullish(),
  samples: z.number().nullish(),
  blenderVersion: z.string().nullish(),
  skipExisting: z.boolean().default(false),
  freshBlender: z.boolean().default(false),
});
type Parameters = z.infer<typeof Parameters>;

interface Frame {
  readonly number: number;
  /** Where it belongs. */
  readonly path: string;
}

/** Renders frames of a .blend, each into place as soon as it is whole. */
export async function blenderRender(given: unknown, context: CommandContext): Promise<readonly Output[]> {
  const parameters = readParameters(Parameters, 'blender-render', given);
  const key = await describeState(parameters, context);
  const frames = parseFrameRange(parameters.frames).map((number) => ({
    number,
    path: framePath(parameters.output, parameters.format, number),
  }));
  const there = parameters.skipExisting ? await findExisting(frames, parameters) : [];
  const wanted = frames.filter((frame) => !there.some((output) => output.frame === frame.number));
  if (there.length > 0) context.log.write(`tablao: ${there.length} of ${frames.length} frames are there already\n`);
  const first = wanted[0];
  if (first === undefined) return there;
  const progress = new ChunkProgress(frames.length, there, context.reportProgress);
  const rendered = await withAttemptFolder(
    context.attemptRecords,
    context.assignment.attempt.id,
    dirname(first.path),
    (folder) => renderInto(folder, wanted, parameters, key, progress, context),
  );
  return [...there, ...rendered].sort((a, b) => (a.frame ?? 0) - (b.frame ?? 0));
}

async function renderInto(
  folder: string,
  frames: readonly Frame[],
  parameters: Parameters,
  key: string,
  progress: ChunkProgress,
  context: CommandContext,
): Promise<readonly Output[]> {
  const { log, blender } = context;
  const inFolder = (path: string) => join(folder, basename(path));
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, failed.signal]);
  const mover = new OutputMover(
    () => context.untilMayMove(signal),
    (error) => failed.abort(error),
    async (output) => {
      progress.place(output);
      await showFrame(output, inFolder, parameters.format, context);
    },
  );
  const places = new Map(frames.map((frame) => [frame.number, frame.path]));
  const listener: OrderListener = {
    log,
    onLine: (line) => progress.readLine(line),
    onEvent: (event) => {
      if (event.event === 'rendering') progress.begin(event.frame);
      const to = event.event === 'saved' ? places.get(event.frame) : undefined;
      if (event.event !== 'saved' || to === undefined) return;
      progress.finish(event.frame);
      mover.add({
        from: inFolder(to),
        to,
        format: parameters.format,
        frame: event.frame,
        renderSeconds: event.seconds,
      });
    },
  };
  const use = async (process: BlenderProcess, isNew: boolean) => {
    if (isNew)
      await process.run(
        { do: 'open', file: parameters.blendFile, cyclesDevice: blender.cyclesDevice, ...settingsOf(parameters) },
        listener,
        signal,
      );
    const order = frames.map(({ number, path }) => ({
      number,
      path: inFolder(path),
      picture: isPicturedByBlender(parameters.format) ? pictureOf(inFolder(path)) : undefined,
    }));
    await process.run({ do: 'render', frames: order, pictureSide: PICTURE_SIDE }, listener, signal);
    return await mover.finish();
  };
  try {
    const version = parameters.blenderVersion ?? undefined;
    return await blender.withRenderer(parameters.freshBlender ? undefined : key, version, use);
  } catch (error) {
    context.signal.throwIfAborted();
    throw await explainBlenderFailure(error, log, folder);
  }
}

/** What no image library shows as the scene's view transform does. */
function isPicturedByBlender(format: FrameFormat): boolean {
  return format === 'OPEN_EXR';
}

function pictureOf(path: string): string {
  return `${path}.picture.jpg`;
}

/** A frame that cannot be shown is a frame nevertheless. */
async function showFrame(
  { frame, path }: Output,
  inFolder: (path: string) => string,
  format: FrameFormat,
  context: CommandContext,
): Promise<void> {
  if (frame === undefined) return;
  if (!isPicturedByBlender(format)) return context.showFrame(frame, path);
  const picture = await readFile(pictureOf(inFolder(path))).catch(() => undefined); // the log says why there is none
  if (picture !== undefined) context.showFrame(frame, picture);
}

function settingsOf(parameters: Parameters) {
  const { format, fps, scene, camera, viewLayer, resolutionPercent, samples } = parameters;
  return { format, fps, scene, camera, viewLayer, resolutionPercent, samples };
}

/**
 * All that decides what an open Blender renders. A texture may have been mended before a requeue, and Blender keeps
 * what it has read: so each job, and each further attempt at its tasks, reads everything anew.
 */
async function describeState(parameters: Parameters, { assignment }: CommandContext): Promise<string> {
  const { size, mtimeMs } = await readStat(parameters.blendFile);
  const { attempt, task } = assignment;
  const { blendFile, blenderVersion } = parameters;
  const state = [task.job.id, attempt.number, blenderVersion, blendFile, size, mtimeMs, settingsOf(parameters)];
  return JSON.stringify(state);
}

/** Frames that are there and whole: what another program's crash left half-written is rendered. */
async function findExisting(frames: readonly Frame[], { format }: Parameters): Promise<Output[]> {
  const there: Output[] = [];
  for (const { number, path } of frames) {
    try {
      there.push({ frame: number, path, bytes: await verifyFile(path, format) });
    } catch {
      // it is to be rendered
    }
  }
  return there;
}

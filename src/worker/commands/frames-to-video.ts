import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { parseFrameRange } from '../../domain/frame-range.ts';
import { FRAME_FORMATS, framePath } from '../../domain/output-path.ts';
import { AttemptFailure } from '../attempt-failure.ts';
import { withAttemptFolder } from '../attempt-folder.ts';
import type { Output } from '../gateway-client.ts';
import { readStat } from '../job-files.ts';
import { OutputMover } from '../output-mover.ts';
import { explainBlenderFailure } from './blender-failure.ts';
import type { CommandContext } from './command-context.ts';
import { readParameters } from './parameters.ts';

const Parameters = z.object({
  frames: z.string(),
  input: z.string(),
  format: z.enum(FRAME_FORMATS),
  output: z.string().endsWith('.mp4'),
  fps: z.number().positive(),
});

/** Makes one H.264 video of rendered frames, by Blender's own sequencer: no second program on the workers. */
export async function framesToVideo(given: unknown, context: CommandContext): Promise<readonly Output[]> {
  const { frames, input, format, output, fps } = readParameters(Parameters, 'frames-to-video', given);
  const files = parseFrameRange(frames).map((frame) => framePath(input, format, frame));
  await checkFrames(files);
  const { assignment, signal, log, reportProgress } = context;
  return await withAttemptFolder(context.attemptRecords, assignment.attempt.id, dirname(output), async (folder) => {
    const made = join(folder, basename(output));
    const order = {
      do: 'video',
      directory: dirname(files[0] ?? input),
      names: files.map((file) => basename(file)),
      output: made,
      fps,
    };
    const mover = new OutputMover(
      () => context.untilMayMove(signal),
      () => {}, // nothing else runs that would have to be ended
    );
    try {
      await context.blender.withEncoder((blender) =>
        blender.run(
          order,
          {
            log,
            onEvent: (event) => {
              if (event.event !== 'encoded') return;
              const activity = `encoding frame ${event.count} of ${files.length}`;
              reportProgress({ fraction: event.count / files.length, activity });
            },
          },
          signal,
        ),
      );
      mover.add({ from: made, to: output, format: 'MP4' });
      return await mover.finish();
    } catch (error) {
      signal.throwIfAborted();
      throw await explainBlenderFailure(error, log, folder);
    }
  });
}

/** @throws AttemptFailure FILE_NOT_FOUND; Blender would encode a missing frame as a picture in pink */
async function checkFrames(files: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const file of files) await readStat(file).catch(() => missing.push(file));
  const [first] = missing;
  if (first === undefined) return;
  const rest = missing.length === 1 ? '' : ` and ${missing.length - 1} more of its ${files.length} frames`;
  throw new AttemptFailure('FILE_NOT_FOUND', `"${first}"${rest} not found: the video cannot be made.`);
}

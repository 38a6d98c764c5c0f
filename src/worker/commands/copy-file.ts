import { rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { AttemptFailure, toAttemptFailure } from '../attempt-failure.ts';
import { withAttemptFolder } from '../attempt-folder.ts';
import { copyContents, haveSameContents } from '../copy-contents.ts';
import type { Output } from '../gateway-client.ts';
import { readStat } from '../job-files.ts';
import type { CommandContext } from './command-context.ts';
import { LocalPath, readParameters } from './parameters.ts';

const Parameters = z.object({ from: LocalPath, to: LocalPath, overwrite: z.boolean().default(false) });

/**
 * Copies a file, in one step for whoever looks at the new one. What is there with the same content is taken as done, as by
 * an earlier try; another file there is replaced only where the task says so.
 */
export async function copyFile(given: unknown, context: CommandContext): Promise<readonly Output[]> {
  const { from, to, overwrite } = readParameters(Parameters, 'copy-file', given);
  const { signal, log, reportProgress, assignment } = context;
  const { size } = await readStat(from);
  const done = [{ path: to, bytes: size }];
  if (await isThere(from, to, overwrite, signal)) {
    log.write(`tablao: "${to}" is there already, with the same content\n`);
    return done;
  }
  return await withAttemptFolder(context.attemptRecords, assignment.attempt.id, dirname(to), async (folder) => {
    const draft = join(folder, basename(to));
    let copied = 0;
    const onBytes = (bytes: number) => {
      copied += bytes;
      reportProgress({ fraction: Math.min(1, copied / Math.max(1, size)), activity: `copying "${basename(from)}"` });
    };
    try {
      await copyContents(from, draft, { signal, onBytes });
      await context.untilMayMove(signal);
      // Somebody else may have put a file there meanwhile.
      if (!(await isThere(from, to, overwrite, signal))) await rename(draft, to);
      return done;
    } catch (error) {
      signal.throwIfAborted();
      throw toAttemptFailure(error, `"${from}" cannot be copied to "${to}"`);
    }
  });
}

/** @throws AttemptFailure when something else is there, and must stay */
async function isThere(from: string, to: string, overwrite: boolean, signal: AbortSignal): Promise<boolean> {
  const found = await stat(to).catch(() => undefined);
  if (found === undefined) return false;
  if (!found.isFile()) throw new AttemptFailure('OTHER', `"${to}" is there already, and is no file.`);
  if (await haveSameContents(from, to, signal)) return true;
  if (overwrite) return false;
  throw new AttemptFailure(
    'OTHER',
    `"${to}" is there already with another content; say "overwrite": true to replace it.`,
  );
}

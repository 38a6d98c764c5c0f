import { statfs } from 'node:fs/promises';
import { AttemptFailure, toAttemptFailure } from '../attempt-failure.ts';
import type { LogSpool } from '../log-spool.ts';

const NO_SPACE = /no space left|disk quota exceeded|not enough space/i;
/** A disk with less than this is full for whoever writes a frame. */
const LITTLE_SPACE_BYTES = 64 * 1024;

/**
 * Says why a frame is missing, where the failure itself does not: a full disk, or what Blender's log complains of. It
 * can end with exit code 0 after an error that only the log tells.
 */
export async function explainBlenderFailure(error: unknown, log: LogSpool, folder: string): Promise<AttemptFailure> {
  const failure = toAttemptFailure(error, 'The worker failed');
  const faults = log.faults();
  const { kind, message, exitCode } = failure;
  if (kind === 'DISK_FULL') return failure;
  const isAboutFile = kind === 'NO_FRAME' || kind === 'BAD_FRAME' || kind === 'EXIT_CODE';
  if (isAboutFile && (faults.some((line) => NO_SPACE.test(line)) || (await isDiskFull(folder)))) {
    return new AttemptFailure('DISK_FULL', `There is no space left for the output. ${message}`, exitCode);
  }
  const fault = faults.at(-1);
  if (kind !== 'NO_FRAME' || fault === undefined || message.includes(withoutPrefix(fault))) return failure;
  return new AttemptFailure(kind, `${message} Its log says: ${fault}`, exitCode);
}

function withoutPrefix(line: string): string {
  return line.replace(/^.*?\bError: /, '');
}

async function isDiskFull(folder: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize < LITTLE_SPACE_BYTES;
  } catch {
    return false;
  }
}

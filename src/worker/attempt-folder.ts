import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { makeFolders } from '../system/make-folders.ts';
import { AttemptFailure, errorCode, toAttemptFailure } from './attempt-failure.ts';
import { readRecords, writeJson } from './state-directory.ts';

const PREFIX = '.tablao-';
const Recorded = z.object({ folder: z.string() });

/**
 * Gives an attempt a folder of its own beside its output: what is in it is new, and from there a file gets into place
 * by a rename, in one step. Parents are made. It is removed at the end, whatever happens.
 *
 * @param records where it is recorded (state directory), so that the next start removes what a crash leaves
 * @throws AttemptFailure when it cannot be made
 */
export async function withAttemptFolder<Result>(
  records: string,
  attemptId: string,
  beside: string,
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const name = PREFIX + attemptId.replace(/[^A-Za-z0-9]/g, '');
  const folder = join(beside, name);
  const record = join(records, `${name}-${createHash('sha256').update(beside).digest('hex').slice(0, 8)}.json`);
  await makeFolder(beside);
  try {
    writeJson(record, { folder });
    await rm(folder, { recursive: true, force: true });
    mkdirSync(folder);
  } catch (error) {
    rmSync(record, { force: true });
    throw explain(error, beside);
  }
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    rmSync(record, { force: true });
  }
}

/** Removes what an earlier worker with this state directory left, and nothing that it does not know. */
export async function removeLeftFolders(records: string, logger: Logger): Promise<void> {
  for (const { path, value } of readRecords(records)) {
    const folder = Recorded.safeParse(value).data?.folder;
    if (folder !== undefined && basename(folder).startsWith(PREFIX)) {
      logger.info({ folder }, 'removing the folder of an attempt that was cut off');
      try {
        await rm(folder, { recursive: true, force: true });
      } catch (error) {
        logger.warn({ err: error, folder }, 'it cannot be removed, trying again at the next start');
        continue;
      }
    }
    rmSync(path, { force: true });
  }
}

/** Makes a folder and its parents. @throws AttemptFailure that says what is in the way */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await makeFolders(folder);
  } catch (error) {
    throw explain(error, folder);
  }
}

function explain(error: unknown, folder: string): AttemptFailure {
  const doing = `The folder "${folder}" cannot be made`;
  const obstacle = findObstacle(folder);
  if (obstacle !== undefined) return new AttemptFailure('OTHER', `${doing}: ${obstacle}`);
  if (errorCode(error) === 'EACCES' || errorCode(error) === 'EPERM' || errorCode(error) === 'EROFS') {
    return new AttemptFailure('OTHER', `${doing}: this worker may not write there (${errorCode(error)}).`);
  }
  return toAttemptFailure(error, doing);
}

/** What stands where the path has a folder, as a sentence. */
function findObstacle(folder: string): string | undefined {
  for (let path = folder; ; path = dirname(path)) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found !== undefined) return found.isDirectory() ? undefined : `"${path}" is a file.`;
    if (isLink(path)) return `"${path}" is a link to something that is not there; is a share not mounted?`;
    if (dirname(path) === path) return undefined;
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

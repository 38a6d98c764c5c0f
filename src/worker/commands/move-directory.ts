import { createHash } from 'node:crypto';
import { lstat, rename, rm, rmdir, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { z } from 'zod';
import { AttemptFailure, errorCode, toAttemptFailure } from '../attempt-failure.ts';
import { makeFolder, withAttemptFolder } from '../attempt-folder.ts';
import { copyTree, listTree, type TreeEntry } from '../copy-contents.ts';
import type { CommandContext } from './command-context.ts';
import { LocalPath, readParameters } from './parameters.ts';

const Parameters = z.object({ from: LocalPath, to: LocalPath });

/**
 * Moves a folder to a place where nothing is: by a rename, and to another file system by a copy, which gets into place by a
 * rename too, before anything is taken away from the old place. Whoever tries it again after a crash goes on where it was.
 */
export async function moveDirectory(given: unknown, context: CommandContext): Promise<readonly []> {
  const { from, to } = readParameters(Parameters, 'move-directory', given);
  try {
    await move(from, to, context);
  } catch (error) {
    context.signal.throwIfAborted();
    throw toAttemptFailure(error, `"${from}" cannot be moved to "${to}"`);
  }
  return [];
}

async function move(from: string, to: string, context: CommandContext): Promise<void> {
  const { signal, log } = context;
  const [isSource, isTarget] = [await isFolder(from), await isFolder(to)];
  if (!isSource) {
    if (!isTarget) throw new AttemptFailure('FILE_NOT_FOUND', `The folder "${from}" is not there on this worker.`);
    log.write(`tablao: "${to}" is there and "${from}" is not: it was moved already\n`);
    await rm(markOf(to, context), { force: true });
    return;
  }
  if (from === to || isWithin(from, to)) throw new AttemptFailure('OTHER', `"${to}" is "${from}" or within it.`);
  if (isTarget) {
    if (!(await hasMark(to, context)))
      throw new AttemptFailure('OTHER', `"${to}" is there already; nothing was moved.`);
    log.write('tablao: going on with a move that was cut off\n');
  } else {
    await makeFolder(dirname(to));
    await context.untilMayMove(signal);
    if (await isRenamed(from, to)) return;
    await copyAcross(from, to, context);
  }
  await removeCopied(from, to, signal);
  await rm(markOf(to, context), { force: true });
}

/** @returns false when the places are of two file systems */
async function isRenamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EXDEV') return false;
    throw error;
  }
}

async function copyAcross(from: string, to: string, context: CommandContext): Promise<void> {
  const { signal, reportProgress, assignment } = context;
  const entries = await listTree(from, signal);
  const total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  let copied = 0;
  const onBytes = (bytes: number) => {
    copied += bytes;
    reportProgress({ fraction: Math.min(1, copied / Math.max(1, total)), activity: `moving "${basename(from)}"` });
  };
  await withAttemptFolder(context.attemptRecords, assignment.attempt.id, dirname(to), async (folder) => {
    const draft = join(folder, basename(to));
    await copyTree(from, draft, entries, { signal, onBytes });
    await writeFile(markOf(draft, context), '');
    await context.untilMayMove(signal);
    if (await isFolder(to)) throw new AttemptFailure('OTHER', `"${to}" is there already; nothing was moved.`);
    await rename(draft, to);
  });
}

/** Takes away what stands in the new place too, and nothing that was changed or came meanwhile. */
async function removeCopied(from: string, to: string, signal: AbortSignal): Promise<void> {
  const kept: string[] = [];
  const copies = new Map((await listTree(to, signal)).map((entry) => [entry.path, entry]));
  for (const entry of (await listTree(from, signal)).reverse()) {
    signal.throwIfAborted();
    const path = join(from, entry.path);
    if (!isCopy(entry, copies.get(entry.path))) kept.push(path);
    else if (entry.kind !== 'folder') await unlink(path);
    else if (!kept.some((other) => isWithin(path, other))) await rmdir(path);
  }
  const [first] = kept;
  if (first === undefined) await rmdir(from);
  else
    throw new AttemptFailure(
      'OTHER',
      `The folder was copied to "${to}", but "${first}"${kept.length > 1 ? ` and ${kept.length - 1} more` : ''} changed meanwhile and stay where they were.`,
    );
}

function isCopy(entry: TreeEntry, copy: TreeEntry | undefined): boolean {
  if (copy === undefined || copy.kind !== entry.kind) return false;
  // A file system may keep times in steps of two seconds.
  return entry.kind !== 'file' || (copy.bytes === entry.bytes && Math.abs(copy.mtimeMs - entry.mtimeMs) <= 2000);
}

/** Stands in a copy as long as the old place is not cleared: by it a later try knows that the copy is this task's. */
function markOf(folder: string, { assignment }: CommandContext): string {
  return join(folder, `.tablao-move-${createHash('sha256').update(assignment.task.id).digest('hex').slice(0, 16)}`);
}

async function hasMark(folder: string, context: CommandContext): Promise<boolean> {
  return await lstat(markOf(folder, context)).then(
    () => true,
    () => false,
  );
}

/** @throws AttemptFailure when it is something else */
async function isFolder(path: string): Promise<boolean> {
  const found = await lstat(path).catch((error) => {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  });
  if (found !== undefined && !found.isDirectory()) throw new AttemptFailure('OTHER', `"${path}" is no folder.`);
  return found !== undefined;
}

function isWithin(folder: string, path: string): boolean {
  const rest = relative(folder, path);
  return rest !== '' && rest !== '..' && !rest.startsWith(`..${sep}`);
}

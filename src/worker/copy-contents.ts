import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, lstat, mkdir, open, readdir, readlink, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AttemptFailure } from './attempt-failure.ts';

export interface Copying {
  readonly signal: AbortSignal;
  /** So many more bytes are copied. */
  readonly onBytes: (bytes: number) => void;
}

/** Copies a file with its time and mode onto the disk; `to` must not be there. */
export async function copyContents(from: string, to: string, { signal, onBytes }: Copying): Promise<void> {
  const counting = new Transform({
    transform(piece: Buffer, _encoding, pass) {
      onBytes(piece.length);
      pass(null, piece);
    },
  });
  await pipeline(createReadStream(from), counting, createWriteStream(to, { flags: 'wx', flush: true }), { signal });
  const { atime, mtime, mode } = await lstat(from);
  await utimes(to, atime, mtime);
  await chmod(to, mode);
}

/** One entry of a folder, by its path within it. */
export interface TreeEntry {
  readonly path: string;
  readonly kind: 'folder' | 'file' | 'link';
  readonly bytes: number;
  readonly mtimeMs: number;
}

/**
 * Everything in a folder, each folder before what it holds; links are not followed.
 * @throws AttemptFailure for what is neither a folder, a file nor a link
 */
export async function listTree(root: string, signal: AbortSignal, within = ''): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  for (const name of (await readdir(join(root, within))).sort()) {
    signal.throwIfAborted();
    const path = join(within, name);
    const found = await lstat(join(root, path));
    const kind = found.isDirectory() ? 'folder' : found.isFile() ? 'file' : found.isSymbolicLink() ? 'link' : null;
    if (kind === null) throw new AttemptFailure('OTHER', `"${join(root, path)}" is neither a file nor a folder.`);
    entries.push({ path, kind, bytes: kind === 'file' ? found.size : 0, mtimeMs: found.mtimeMs });
    if (kind === 'folder') entries.push(...(await listTree(root, signal, path)));
  }
  return entries;
}

/** Copies what listTree gave into a new folder; links stay as they are. */
export async function copyTree(
  from: string,
  to: string,
  entries: readonly TreeEntry[],
  copying: Copying,
): Promise<void> {
  await mkdir(to);
  for (const { path, kind } of entries) {
    copying.signal.throwIfAborted();
    if (kind === 'folder') await mkdir(join(to, path));
    else if (kind === 'link') await symlink(await readlink(join(from, path)), join(to, path));
    else await copyContents(join(from, path), join(to, path), copying);
  }
}

const COMPARED_BYTES = 1024 * 1024;

/** Whether both files hold the same bytes. */
export async function haveSameContents(a: string, b: string, signal: AbortSignal): Promise<boolean> {
  const [first, second] = await Promise.all([open(a), open(b)]);
  try {
    const sizes = await Promise.all([first.stat(), second.stat()]);
    if (sizes[0].size !== sizes[1].size) return false;
    for (let position = 0; position < sizes[0].size; position += COMPARED_BYTES) {
      signal.throwIfAborted();
      const [left, right] = await Promise.all(
        [first, second].map(async (file) => {
          const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(COMPARED_BYTES), position });
          return buffer.subarray(0, bytesRead);
        }),
      );
      if (!left!.equals(right!)) return false;
    }
    return true;
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
}

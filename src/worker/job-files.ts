import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { AttemptFailure, errorCode } from './attempt-failure.ts';
import type { SubmittedFile } from './gateway-client.ts';

/** Some file systems keep times in steps of two seconds, so a copy of the same file may differ by that. */
const TIME_STEP_MS = 2000;
/** Whoever submits rounds to whole milliseconds, or cuts off. */
const ROUNDING_MS = 1;
const REMEMBERED_HASHES = 1000;

/**
 * Checks that the files which a job reads are those that were submitted: size and time, and the hash when only the
 * time differs. Keeps the hashes that it had to compute, for the next attempts.
 */
export class JobFiles {
  readonly #hashes = new Map<string, string>();

  /** @throws AttemptFailure FILE_NOT_FOUND or FILE_CHANGED, with the path and what differs */
  async check(files: readonly SubmittedFile[], signal: AbortSignal): Promise<void> {
    for (const file of files) {
      signal.throwIfAborted();
      await this.#checkFile(file, signal);
    }
  }

  async #checkFile(file: SubmittedFile, signal: AbortSignal): Promise<void> {
    const { size, mtimeMs } = await readStat(file.path);
    if (size !== file.bytes) {
      throw changed(file.path, `it has ${size} bytes, the submitted one had ${file.bytes}`);
    }
    if (file.modifiedAt === null) return;
    const submittedMs = Date.parse(file.modifiedAt);
    if (Math.abs(mtimeMs - submittedMs) <= ROUNDING_MS) return;
    if (file.sha256 !== null) {
      if ((await this.#hash(file.path, size, mtimeMs, signal)) !== file.sha256.toLowerCase()) {
        throw changed(file.path, 'its content is another one (SHA-256)');
      }
    } else if (Math.abs(mtimeMs - submittedMs) > TIME_STEP_MS) {
      const found = new Date(mtimeMs).toISOString();
      throw changed(file.path, `it was modified at ${found}, the submitted one at ${file.modifiedAt}`);
    }
  }

  async #hash(path: string, size: number, mtimeMs: number, signal: AbortSignal): Promise<string> {
    const key = `${path}\0${size}\0${mtimeMs}`;
    const known = this.#hashes.get(key);
    if (known !== undefined) return known;
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash, { signal });
    const digest = hash.digest('hex');
    this.#hashes.set(key, digest);
    const [oldest] = this.#hashes.keys();
    if (this.#hashes.size > REMEMBERED_HASHES && oldest !== undefined) this.#hashes.delete(oldest);
    return digest;
  }
}

function changed(path: string, how: string): AttemptFailure {
  return new AttemptFailure('FILE_CHANGED', `"${path}" is not the file that was submitted: ${how}.`);
}

/** @throws AttemptFailure FILE_NOT_FOUND */
export async function readStat(path: string): Promise<{ size: number; mtimeMs: number }> {
  try {
    const found = await stat(path);
    if (found.isFile()) return found;
  } catch (error) {
    const code = errorCode(error);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      throw new AttemptFailure('FILE_NOT_FOUND', `"${path}" cannot be read on this worker (${code}).`);
    }
  }
  throw new AttemptFailure('FILE_NOT_FOUND', `"${path}" is not there on this worker.`);
}

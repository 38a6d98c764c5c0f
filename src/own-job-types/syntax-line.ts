import { execFile } from 'node:child_process';
import { relative } from 'node:path';
import { findLine } from './error-place.ts';

const CHECK_MS = 10_000;

/**
 * Where the syntax error is that a module could not be imported for: Node does not say that to whoever imports it.
 *
 * @param files absolute; the module first, then those that it may import
 * @returns null when none of them has one
 */
export async function findSyntaxError(
  files: readonly string[],
  folder: string,
): Promise<{ readonly file: string; readonly line: number | null } | null> {
  for (const file of files) {
    const printed = await check(file);
    if (printed !== null) return { file: relative(folder, file), line: findLine(printed, file) };
  }
  return null;
}

/** What `node --check` prints; null when the file is fine. It runs nothing of it. */
function check(file: string): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--check', file], { timeout: CHECK_MS, env: {} }, (error, _stdout, stderr) =>
      resolve(error === null ? null : stderr),
    );
  });
}

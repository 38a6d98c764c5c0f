import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and those above it. Node's own `recursive` goes on for ever, at full speed, where a parent is there and
 * can hold nothing (tried with 24.21): below /proc, or below a link to a share that is not mounted.
 *
 * @returns the folders that were made, the outermost first
 * @throws the system's error; EEXIST or ENOTDIR where something else is in the way, ENOENT where no folder can be made
 */
export async function makeFolders(path: string): Promise<string[]> {
  const target = resolve(path);
  const missing: string[] = [];
  for (let folder = target; !(await isFolder(folder, target)); folder = dirname(folder)) missing.unshift(folder);
  const made: string[] = [];
  for (const folder of missing) if (await makeFolder(folder)) made.push(folder);
  return made;
}

/** @returns false when there is nothing of this name */
async function isFolder(path: string, target: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(path) !== path;
    if (isMissing) return false;
    throw error;
  }
  const code = path === target ? 'EEXIST' : 'ENOTDIR';
  throw Object.assign(new Error(`${code}: "${path}" is not a folder`), { code, path });
}

/** @returns false when somebody else has made it meanwhile */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    const wasFaster = (error as NodeJS.ErrnoException).code === 'EEXIST' && (await isThere(path));
    if (wasFaster) return false;
    throw error;
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

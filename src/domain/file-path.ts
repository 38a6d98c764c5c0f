/*
 * Paths of the machines that render, which may be of another kind than the gateway's: `/x`, `C:\x`, `C:/x`, `\\server\share`;
 * and paths below a root, a folder that each machine has somewhere else: `proj:shots/010.blend`.
 */

/** Blender keeps paths in 1,024 bytes with the end mark (FILE_MAX), and cuts longer ones silently. */
export const MAX_PATH_BYTES = 1_023;

/** The limit of a file name on ext4, NTFS and APFS. */
export const MAX_FILE_NAME_BYTES = 255;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f]/;

/** Whether the path says by itself where the file is. Blender's `//x` does not: it means "beside the .blend". */
export function isAbsolutePath(path: string): boolean {
  return /^\/(?!\/)/.test(path) || isWindowsPath(path);
}

/** Two letters at least, so that no drive is one. */
const ROOT_NAME = /^[A-Za-z][A-Za-z0-9_-]{1,31}$/;
export const ROOT_NAME_ALLOWED = '2–32 letters, digits, _ and -, the first one a letter';

export function isRootName(text: string): boolean {
  return ROOT_NAME.test(text);
}

/** The root that a path names, and what follows its colon; null when it names none. */
export function splitRoot(path: string): { readonly root: string; readonly rest: string } | null {
  const colon = path.indexOf(':');
  const root = path.slice(0, Math.max(0, colon));
  return isRootName(root) ? { root, rest: path.slice(colon + 1) } : null;
}

/** The folder with its separator at the end, and the name in it (`''` for a folder). On POSIX `\` is a letter like others. */
export function splitPath(path: string): { folder: string; name: string } {
  const separators = [path.lastIndexOf('/'), isWindowsPath(path) ? path.lastIndexOf('\\') : -1];
  const end = Math.max(...separators, splitRoot(path)?.root.length ?? -1) + 1;
  return { folder: path.slice(0, end), name: path.slice(end) };
}

/** What is wrong with the path, as a predicate ("is …"), or null. */
export function findPathFault(path: string): string | null {
  if (path.startsWith('//'))
    return "is relative: // is Blender's sign for the folder of the .blend; give the absolute path";
  const root = splitRoot(path);
  if (root === null && !isAbsolutePath(path)) return 'is relative; give an absolute path, as the workers see it';
  if (root !== null && !isBelowRoot(root.rest))
    return `leaves its root or is written otherwise than ${root.root}:shots/a; a path below a root has no slash after the colon, no \\, no empty part, no . and no ..`;
  if (CONTROL_CHARACTER.test(path)) return 'has control characters; rename the file';
  if (countBytes(path) > MAX_PATH_BYTES)
    return `is longer than the ${MAX_PATH_BYTES} bytes that Blender keeps of a path`;
  return null;
}

/** Whether what follows a root's colon stays below its folder, on every system. The root itself is `''`. */
export function isBelowRoot(rest: string): boolean {
  const parts = rest.replace(/\/$/, '').split('/');
  return rest === '' || (!rest.includes('\\') && !parts.some((part) => ['', '.', '..'].includes(part)));
}

/** Length in UTF-8. */
export function countBytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

function isWindowsPath(path: string): boolean {
  return /^[a-z]:[\\/]/i.test(path) || /^\\\\[^\\/]+[\\/][^\\/]/.test(path);
}

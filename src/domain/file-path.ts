/** Paths of the machines that render, which may be of another kind than the gateway's: `/x`, `C:\x`, `C:/x`, `\\server\share`. */

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

/** The folder with its separator at the end, and the name in it (`''` for a folder). On POSIX `\` is a letter like others. */
export function splitPath(path: string): { folder: string; name: string } {
  const end = Math.max(path.lastIndexOf('/'), isWindowsPath(path) ? path.lastIndexOf('\\') : -1) + 1;
  return { folder: path.slice(0, end), name: path.slice(end) };
}

/** What is wrong with the path, as a predicate ("is …"), or null. */
export function findPathFault(path: string): string | null {
  if (path.startsWith('//'))
    return "is relative: // is Blender's sign for the folder of the .blend; give the absolute path";
  if (!isAbsolutePath(path)) return 'is relative; give an absolute path, as the workers see it';
  if (CONTROL_CHARACTER.test(path)) return 'has control characters; rename the file';
  if (countBytes(path) > MAX_PATH_BYTES)
    return `is longer than the ${MAX_PATH_BYTES} bytes that Blender keeps of a path`;
  return null;
}

/** Length in UTF-8. */
export function countBytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

function isWindowsPath(path: string): boolean {
  return /^[a-z]:[\\/]/i.test(path) || /^\\\\[^\\/]+[\\/][^\\/]/.test(path);
}

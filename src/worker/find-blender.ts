import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { askProgram } from './ask-program.ts';

/** The first start after an installation can take long: caches, a virus scanner. */
const VERSION_MS = 60_000;

export type FoundBlender =
  | { readonly program: string; readonly version: string }
  /** `missing`: why, as the beginning of a sentence. */
  | { readonly program: undefined; readonly missing: string };

/**
 * Finds Blender and asks for its version.
 * @param wanted a path or a name in PATH; without it `blender` in PATH, then the usual places of macOS and Windows
 */
export async function findBlender(wanted?: string): Promise<FoundBlender> {
  const program = wanted === undefined ? (findInPath('blender') ?? findInstalled()) : locateProgram(wanted);
  if (program === undefined) {
    return { program, missing: wanted === undefined ? 'it is not in PATH' : `"${wanted}" is not there` };
  }
  try {
    const answer = await askProgram(program, ['--version'], VERSION_MS);
    const version = /^Blender (\d+\.\d+(?:\.\d+)?)/m.exec(answer)?.[1];
    if (version !== undefined) return { program, version };
    return { program: undefined, missing: `"${program}" does not answer as Blender does` };
  } catch (error) {
    return { program: undefined, missing: `"${program}" does not run (${(error as Error).message.split('\n')[0]})` };
  }
}

/** @param wanted a path, or a name in PATH */
export function locateProgram(wanted: string): string | undefined {
  if (!/[\\/]/.test(wanted)) return findInPath(wanted);
  return isProgram(wanted) ? wanted : undefined;
}

function findInPath(name: string): string | undefined {
  const endings = process.platform === 'win32' ? ['.exe', ''] : [''];
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const ending of endings) {
      const path = join(folder, name + ending);
      if (folder !== '' && isProgram(path)) return path;
    }
  }
  return undefined;
}

/** Neither macOS nor Windows puts an installed Blender into PATH. */
function findInstalled(): string | undefined {
  if (process.platform === 'darwin') {
    const path = '/Applications/Blender.app/Contents/MacOS/Blender';
    return isProgram(path) ? path : undefined;
  }
  if (process.platform !== 'win32') return undefined;
  const home = join(process.env.PROGRAMFILES ?? 'C:\\Program Files', 'Blender Foundation');
  return newestFirst(home)
    .map((folder) => join(home, folder, 'blender.exe'))
    .find(isProgram);
}

function newestFirst(folder: string): string[] {
  try {
    return readdirSync(folder).sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  } catch {
    return [];
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

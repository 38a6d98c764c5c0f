import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A folder with more is hardly one of job types. */
const MAX_FILES = 1_000;
const MODULE = process.features.typescript ? /\.(mjs|js|ts|mts)$/ : /\.(mjs|js)$/;

export interface JobTypeFiles {
  /** Names of the modules that should each declare a job type, sorted: those directly in the folder. */
  readonly modules: readonly string[];
  /** Absolute paths of everything that they may be made of, subfolders included. */
  readonly all: readonly string[];
  /** Changes whenever one of them does, however an editor saves it. */
  readonly signature: string;
}

/**
 * Looks at a folder of job types. What begins with `.` or `_`, and what stands in a subfolder, is for the modules to import.
 *
 * @throws when the folder cannot be read
 */
export async function readJobTypeFiles(folder: string): Promise<JobTypeFiles> {
  const all: string[] = [];
  const lines: string[] = [];
  const names = await listFiles(folder);
  for (const name of names) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found === undefined) continue; // it was replaced at this moment; the next look sees it
    all.push(join(folder, name));
    lines.push(`${name} ${found.ino} ${found.size} ${found.mtimeMs}`);
  }
  const modules = names.filter((name) => MODULE.test(name) && !/[\\/]/.test(name) && !/^[._]|\.d\.m?ts$/.test(name));
  return { modules, all, signature: lines.join('\n') };
}

async function listFiles(folder: string, within = ''): Promise<string[]> {
  const names: string[] = [];
  const entries = await readdir(join(folder, within), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules' || names.length >= MAX_FILES) continue;
    const name = join(within, entry.name);
    if (entry.isDirectory()) names.push(...(await listFiles(folder, name)));
    else names.push(name);
  }
  return names;
}

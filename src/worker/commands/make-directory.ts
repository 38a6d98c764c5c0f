import { z } from 'zod';
import { makeFolder } from '../attempt-folder.ts';
import type { CommandContext } from './command-context.ts';
import { LocalPath, readParameters } from './parameters.ts';

const Parameters = z.object({ path: LocalPath });

/** Makes a folder, and those above it; one that is there already is fine. */
export async function makeDirectory(given: unknown, { log }: CommandContext): Promise<readonly []> {
  const { path } = readParameters(Parameters, 'make-directory', given);
  await makeFolder(path);
  log.write(`tablao: the folder "${path}" is there\n`);
  return [];
}

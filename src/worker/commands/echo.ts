import { z } from 'zod';
import type { CommandContext } from './command-context.ts';
import { readParameters } from './parameters.ts';

const Parameters = z.object({ message: z.string() });

/** Writes a message to the task's log. */
export async function echo(parameters: unknown, { log }: CommandContext): Promise<readonly []> {
  const { message } = readParameters(Parameters, 'echo', parameters);
  log.write(`${message}\n`);
  return [];
}

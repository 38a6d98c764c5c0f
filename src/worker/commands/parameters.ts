import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { AttemptFailure } from '../attempt-failure.ts';

/** A path by which this machine finds the file whatever its working folder is. */
export const LocalPath = z.string().refine((path) => isAbsolute(path), 'is no absolute path of this worker');

/** @throws AttemptFailure when the gateway sends what this worker's version does not understand */
export function readParameters<Schema extends z.ZodType>(
  schema: Schema,
  command: string,
  parameters: unknown,
): z.infer<Schema> {
  const result = schema.safeParse(parameters);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
  throw new AttemptFailure('OTHER', `This worker does not understand the command "${command}": ${faults}`);
}

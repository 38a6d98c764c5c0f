import type { z } from 'zod';
import { AttemptFailure } from '../attempt-failure.ts';

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

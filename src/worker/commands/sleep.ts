import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { CommandContext } from './command-context.ts';
import { readParameters } from './parameters.ts';

const Parameters = z.object({ seconds: z.number().nonnegative() });
const STEP_MS = 500;

/** Does nothing for a while, and says how much of it has passed. */
export async function sleep(parameters: unknown, { signal, reportProgress }: CommandContext): Promise<readonly []> {
  const { seconds } = readParameters(Parameters, 'sleep', parameters);
  const startedAt = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const passedMs = performance.now() - startedAt;
    const leftMs = seconds * 1000 - passedMs;
    if (leftMs <= 0) return [];
    reportProgress({ fraction: passedMs / (seconds * 1000), activity: `sleeping for ${seconds} s` });
    await wait(Math.min(STEP_MS, leftMs), undefined, { signal }).catch(() => {}); // aborted: the loop throws its reason
  }
}

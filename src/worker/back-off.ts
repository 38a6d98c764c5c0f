import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { GatewayUnavailable } from './gateway-client.ts';

const FIRST_MS = 200;
const LONGEST_MS = 10_000;

/** Waits longer after each failure, and by chance, so that a whole farm does not come back in the same instant. */
export class BackOff {
  readonly #random: () => number;
  #failures = 0;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  get failures(): number {
    return this.#failures;
  }

  succeed(): void {
    this.#failures = 0;
  }

  /** Counts a failure. @returns how long to wait, in milliseconds: between half and the whole of a doubling time */
  fail(): number {
    const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    return longest * (0.5 + this.#random() / 2);
  }
}

/** Waits. @throws the signal's reason, where the timer itself would throw an error of its own */
export async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** Asks again until the gateway answers. @throws whatever is not GatewayUnavailable, and the signal's reason */
export async function retryWhileUnavailable<Result>(
  ask: () => Promise<Result>,
  deps: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<Result> {
  const backOff = new BackOff();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      deps.signal.throwIfAborted();
      if (!(error instanceof GatewayUnavailable)) throw error;
      const waitMs = backOff.fail();
      const level = backOff.failures === 1 ? 'warn' : 'debug';
      deps.logger[level](`the gateway cannot be reached, trying again: ${error.message}`);
      await wait(waitMs, deps.signal);
    }
  }
}

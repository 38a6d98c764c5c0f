import type { Clock, Moment } from './moment.ts';

const REMEMBERED = 1000;

/**
 * Whether an attempt may still put files into place: only if the last sync that was *sent* less than a lease ago was
 * answered without a stop for it (design: §5, "Output"). After that another worker may have the task.
 */
export class MoveGate {
  readonly #clock: Clock;
  readonly #confirmedAt = new Map<string, Moment>();
  readonly #forbidden = new Set<string>();
  #leaseMs: number;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock, leaseMs: number) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
  }

  set leaseMs(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** A sync that was sent at `sentAt` was answered, and said nothing against these attempts. */
  confirm(attemptTokens: Iterable<string>, sentAt: Moment): void {
    for (const token of attemptTokens) {
      const known = this.#confirmedAt.get(token);
      if (known === undefined || sentAt.monotonicMs > known.monotonicMs) this.#confirmedAt.set(token, sentAt);
    }
    for (const [token, confirmed] of this.#confirmedAt) {
      if (this.#clock.since(confirmed) >= this.#leaseMs) this.#confirmedAt.delete(token);
    }
    this.#wake();
  }

  /** For good: an older answer that arrives later does not open it again. */
  forbid(attemptToken: string): void {
    this.#forbidden.add(attemptToken);
    const [oldest] = this.#forbidden;
    if (this.#forbidden.size > REMEMBERED && oldest !== undefined) this.#forbidden.delete(oldest);
    this.#wake();
  }

  /** The session ended: nothing that it confirmed counts any more. */
  forgetConfirmations(): void {
    this.#confirmedAt.clear();
  }

  mayMove(attemptToken: string): boolean {
    const confirmed = this.#confirmedAt.get(attemptToken);
    return (
      confirmed !== undefined && !this.#forbidden.has(attemptToken) && this.#clock.since(confirmed) < this.#leaseMs
    );
  }

  /** Waits until the attempt may move files. @throws the signal's reason */
  async untilOpen(attemptToken: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (!this.mayMove(attemptToken)) {
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => reject(signal.reason);
        signal.addEventListener('abort', onAbort, { once: true });
        this.#waiting.push(() => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        });
      });
      signal.throwIfAborted();
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

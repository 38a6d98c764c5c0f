/** Lets so many through at once, and so many wait; whoever comes beyond that is turned away. */
export class Turnstile {
  readonly #atOnce: number;
  readonly #waitingAtMost: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(atOnce: number, waitingAtMost: number) {
    this.#atOnce = atOnce;
    this.#waitingAtMost = waitingAtMost;
  }

  /** @returns undefined when too many wait already */
  async pass<Result>(run: () => Promise<Result>): Promise<Result | undefined> {
    if (this.#inside >= this.#atOnce) {
      if (this.#waiting.length >= this.#waitingAtMost) return undefined;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#inside += 1;
    try {
      return await run();
    } finally {
      // Whoever waits takes over the place.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#inside -= 1;
    }
  }
}

/** A point in time to measure from. */
export interface Moment {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** Says how much time has passed; tests give one that they turn themselves. */
export interface Clock {
  now(): Moment;
  /** Milliseconds since then. */
  since(moment: Moment): number;
}

/**
 * The monotonic clock cannot be set back, but on some systems it stands still while a laptop sleeps; the wall clock
 * goes on then. The longer of the two is the safe one: it lets a lease end too early rather than too late.
 */
export const systemClock: Clock = {
  now: () => ({ monotonicMs: performance.now(), wallMs: Date.now() }),
  since: (moment) => Math.max(performance.now() - moment.monotonicMs, Date.now() - moment.wallMs),
};

/** A job as far as the time that it still needs depends on it. */
export interface Estimated {
  readonly framesTotal: number;
  readonly framesDone: number;
  readonly tasksActive: number;
  /** Seconds of its newest frames. */
  readonly recentFrameSeconds: readonly number[];
}

/** Fewer frames say nothing about the next one. */
const MIN_FRAMES = 3;

/** Seconds until the frames are done: frames left × the median of the newest ones ÷ workers now; null when nobody can say. */
export function countSecondsLeft({
  framesTotal,
  framesDone,
  tasksActive,
  recentFrameSeconds,
}: Estimated): number | null {
  if (tasksActive === 0 || recentFrameSeconds.length < MIN_FRAMES) return null;
  const sorted = [...recentFrameSeconds].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
  return Math.round(((framesTotal - framesDone) * median) / tasksActive);
}

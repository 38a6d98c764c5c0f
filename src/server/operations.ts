/** One request or subscription while it lasts. */
export interface Operation {
  /** Aborted by `end`, and when the gateway shuts down. */
  readonly signal: AbortSignal;
  /** Says that only the client ends this one: a shutdown does not wait for it. */
  markStreaming(): void;
  /** May be called more than once. */
  end(): void;
}

/** The operations that run now, over both transports: what a shutdown tells to end and then waits for. */
export interface Operations {
  begin(): Operation;
  /** Aborts every signal, also those of operations that begin from now on. */
  stop(): void;
  /** Resolves as soon as nothing but streams is left. */
  idle(): Promise<void>;
}

export function trackOperations(): Operations {
  const running = new Map<symbol, AbortController>();
  const waitedFor = new Set<symbol>();
  let stopped = false;
  const onIdle: (() => void)[] = [];

  function forget(key: symbol): void {
    if (!waitedFor.delete(key) || waitedFor.size > 0) return;
    for (const resolve of onIdle.splice(0)) resolve();
  }

  return {
    begin() {
      const key = Symbol();
      const controller = new AbortController();
      if (stopped) controller.abort();
      running.set(key, controller);
      waitedFor.add(key);
      return {
        signal: controller.signal,
        markStreaming: () => forget(key),
        end() {
          running.delete(key);
          controller.abort();
          forget(key);
        },
      };
    },
    stop() {
      stopped = true;
      for (const controller of running.values()) controller.abort();
    },
    async idle() {
      if (waitedFor.size > 0) await new Promise<void>((resolve) => onIdle.push(resolve));
    },
  };
}

/** How a process that a signal ended is seen by a shell: 128 + its number. */
const ENDED_BY = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * A terminal sends Ctrl-C to npm and to the program that npm runs, and npm passes its own on: signals this close together
 * are one.
 */
const ECHO_MS = 500;

export interface StopSignal {
  /** Aborted by the first SIGTERM or SIGINT. */
  readonly signal: AbortSignal;
  /** Which one it was. */
  readonly name: keyof typeof ENDED_BY | undefined;
  /** From now on signals end the process at once again. */
  forget(): void;
}

/** The first signal asks to end in good order, a second one ends the process at once. */
export function listenForStop(): StopSignal {
  const stop = new AbortController();
  let name: keyof typeof ENDED_BY | undefined;
  let at = 0;
  const listeners = (Object.keys(ENDED_BY) as (keyof typeof ENDED_BY)[]).map((signal) => {
    const listener = () => {
      if (name !== undefined && performance.now() - at > ECHO_MS) process.exit(ENDED_BY[signal]);
      if (name !== undefined) return;
      name = signal;
      at = performance.now();
      stop.abort();
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  return {
    signal: stop.signal,
    get name() {
      return name;
    },
    forget() {
      for (const { signal, listener } of listeners) process.off(signal, listener);
    },
  };
}

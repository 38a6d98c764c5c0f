import { type LiveOptions, type LiveSource, LiveValue, type Versioned } from './live-value.ts';
import type { Wake } from './wake.ts';

interface Entry {
  readonly live: LiveValue<unknown>;
  streams: number;
}

/** The states that anybody watches at present, each once, by what they are. */
export class LiveStates {
  private readonly options: LiveOptions;
  private readonly entries = new Map<string, Entry>();

  constructor(options: LiveOptions) {
    this.options = options;
  }

  wake(wake: Wake): void {
    for (const { live } of this.entries.values()) live.wake(wake);
  }

  close(): void {
    for (const { live } of this.entries.values()) live.close();
  }

  /**
   * The present state at once, then the newest whenever there is a newer one. Streams with the same key share the state;
   * so the key says everything that the source depends on, its type included.
   */
  async *follow<Value>(
    key: string,
    makeSource: () => LiveSource<Value>,
    signal: AbortSignal,
  ): AsyncGenerator<Versioned<Value>> {
    const { entry, live } = this.open(key, makeSource);
    const reader = live.open();
    const close = () => reader.close();
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    try {
      for (let seen = 0; ; ) {
        const state = await reader.next(seen);
        if (!state) return;
        seen = state.version;
        yield state;
      }
    } finally {
      signal.removeEventListener('abort', close);
      reader.close();
      entry.streams -= 1;
      if (entry.streams === 0) {
        live.close();
        this.entries.delete(key);
      }
    }
  }

  private open<Value>(key: string, makeSource: () => LiveSource<Value>): { entry: Entry; live: LiveValue<Value> } {
    let entry = this.entries.get(key);
    if (!entry) {
      entry = { live: new LiveValue(makeSource(), this.options) as unknown as LiveValue<unknown>, streams: 0 };
      this.entries.set(key, entry);
    }
    entry.streams += 1;
    return { entry, live: entry.live as unknown as LiveValue<Value> };
  }
}

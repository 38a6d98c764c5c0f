import type { Logger } from 'pino';

/** What has been set up, and how it is taken down: in reverse, whatever fails on the way. */
export class UndoStack {
  readonly #steps: { readonly what: string; readonly undo: () => Promise<void> }[] = [];
  readonly #logger: Logger;
  #run: Promise<void> | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(what: string, undo: () => Promise<void>): void {
    this.#steps.push({ what, undo });
  }

  /** Idempotent. Never rejects: what could not be undone is logged. */
  run(): Promise<void> {
    this.#run ??= this.#undoAll();
    return this.#run;
  }

  async #undoAll(): Promise<void> {
    for (const { what, undo } of this.#steps.reverse()) {
      try {
        this.#logger.debug(`ending ${what}`);
        await undo();
      } catch (error) {
        this.#logger.error({ err: error }, `${what} did not end in good order`);
      }
    }
  }
}

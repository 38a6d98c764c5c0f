import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { BackOff, wait } from './back-off.ts';
import { type GatewayClient, GatewayUnavailable } from './gateway-client.ts';
import type { LogSpool } from './log-spool.ts';
import type { Session } from './session.ts';

const CHUNK_BYTES = 64 * 1024;
/** Whoever reads along does not see a smaller step; many small chunks would cost the gateway more than one. */
const INTERVAL_MS = 300;
/** The end of an attempt waits this long for its log while the gateway can be reached. */
const FINISH_MS = 5000;

export interface UploaderDeps {
  readonly client: Pick<GatewayClient, 'appendLog'>;
  readonly session: Session;
  readonly logger: Logger;
}

/** Sends the log of one attempt to the gateway, in order, from its spool file. */
export class LogUploader {
  readonly #deps: UploaderDeps;
  readonly #attemptToken: string;
  readonly #spool: LogSpool;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #wake: () => void = () => {};
  #isCutOff = false;

  constructor(deps: UploaderDeps, attemptToken: string, spool: LogSpool) {
    this.#deps = deps;
    this.#attemptToken = attemptToken;
    this.#spool = spool;
    spool.onGrowth = () => this.#wake();
    this.#done = this.#upload()
      .catch((error) => {
        if (!this.#stop.signal.aborted)
          deps.logger.warn({ err: error }, 'the log of an attempt is not sent any further');
      })
      .then(() => spool.remove())
      .catch((error) => deps.logger.warn({ err: error }, 'a spooled log could not be removed'));
  }

  /** Settles when the gateway has the whole log, or 5 s have passed in which it could be reached. */
  async finish(): Promise<void> {
    let isDone = false;
    const done = this.#done.then(() => {
      isDone = true;
    });
    do {
      const timer = new AbortController();
      await Promise.race([done, sleep(FINISH_MS, undefined, { signal: timer.signal }).catch(() => {})]);
      timer.abort();
    } while (!isDone && this.#isCutOff);
  }

  /** Nobody wants the rest of this log. */
  abandon(): void {
    this.#stop.abort();
    this.#wake();
  }

  /** Settles when nothing is sent any more and the spool file is gone. */
  get done(): Promise<void> {
    return this.#done;
  }

  async #upload(): Promise<void> {
    const { signal } = this.#stop;
    const backOff = new BackOff();
    let offset = 0;
    while (await this.#untilWorthSending(offset)) {
      const chunk = wholeCharacters(await this.#spool.read(offset, Math.min(CHUNK_BYTES, this.#spool.size - offset)));
      const { sessionId } = await this.#deps.session.current();
      signal.throwIfAborted();
      try {
        const input = { sessionId, attemptToken: this.#attemptToken, offset, text: chunk.toString() };
        const result = await this.#deps.client.appendLog(input);
        this.#isCutOff = false;
        backOff.succeed();
        if (result.__typename === 'SessionEndedError') this.#deps.session.end(sessionId, result);
        else if (result.__typename !== 'AppendTaskLogSuccess')
          return; // the attempt is over: nobody wants its log
        else if (result.truncated) return;
        else offset = result.nextOffset;
      } catch (error) {
        if (!(error instanceof GatewayUnavailable)) throw error;
        this.#isCutOff = true;
        await wait(backOff.fail(), signal);
      }
    }
  }

  /** @returns false when the log is at its end */
  async #untilWorthSending(offset: number): Promise<boolean> {
    const spool = this.#spool;
    const deadline = Date.now() + INTERVAL_MS;
    for (;;) {
      this.#stop.signal.throwIfAborted();
      const size = spool.size - offset;
      if (spool.isComplete) return size > 0;
      const waitMs = size > 0 ? deadline - Date.now() : Number.POSITIVE_INFINITY;
      if (size >= CHUNK_BYTES || waitMs <= 0) return true;
      await this.#untilWoken(waitMs);
    }
  }

  async #untilWoken(atMostMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = Number.isFinite(atMostMs) ? setTimeout(resolve, atMostMs) : undefined;
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Without a character at the end that goes on in the next chunk. */
function wholeCharacters(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return bytes;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return back < length ? bytes.subarray(0, bytes.length - back) : bytes;
    }
  }
  return bytes;
}

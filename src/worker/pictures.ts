import type { Logger } from 'pino';
import { retryWhileUnavailable } from './back-off.ts';
import type { GatewayClient } from './gateway-client.ts';
import { makePicture } from './make-picture.ts';
import type { Session } from './session.ts';

/** While the gateway is away, or frames come faster than their pictures, the newest are worth most. */
const MOST_WAITING = 100;

export interface FrameToPicture {
  readonly attemptToken: string;
  readonly frame: number;
  /** The frame's file, or a picture of it that Blender has made. */
  readonly source: string | Buffer;
}

export interface PicturesDeps {
  readonly client: Pick<GatewayClient, 'putPicture'>;
  readonly session: Session;
  readonly logger: Logger;
  /** Ends everything at once. */
  readonly signal: AbortSignal;
}

/**
 * Makes pictures of finished frames and puts them to the gateway, one after the other, beside the rendering: nothing
 * waits for them, and whatever goes wrong with one is no failure of the frame.
 */
export class Pictures {
  readonly #deps: PicturesDeps;
  readonly #waiting: FrameToPicture[] = [];
  #working: Promise<void> | undefined;
  #hasWarned = false;

  constructor(deps: PicturesDeps) {
    this.#deps = deps;
  }

  add(frame: FrameToPicture): void {
    this.#waiting.push(frame);
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
    this.#working ??= this.#work();
  }

  /** Nobody wants the pictures of this attempt any more. */
  forget(attemptToken: string): void {
    const others = this.#waiting.filter((frame) => frame.attemptToken !== attemptToken);
    this.#waiting.splice(0, this.#waiting.length, ...others);
  }

  /** Settles when there is nothing to do; never rejects. */
  async done(): Promise<void> {
    await this.#working;
  }

  async #work(): Promise<void> {
    const { logger, signal } = this.#deps;
    for (let next = this.#waiting.shift(); next !== undefined && !signal.aborted; next = this.#waiting.shift()) {
      try {
        await this.#put(next, await makePicture(next.source));
      } catch (error) {
        if (signal.aborted) break;
        logger[this.#hasWarned ? 'debug' : 'warn']({ err: error, frame: next.frame }, 'a frame has no picture');
        this.#hasWarned = true;
      }
    }
    this.#working = undefined;
  }

  async #put({ attemptToken, frame }: FrameToPicture, jpeg: Buffer): Promise<void> {
    const { client, session } = this.#deps;
    for (;;) {
      const { sessionId } = await session.current();
      this.#deps.signal.throwIfAborted();
      const input = { sessionId, attemptToken, frame, jpeg: jpeg.toString('base64') };
      const result = await retryWhileUnavailable(() => client.putPicture(input), this.#deps);
      if (result.__typename === 'SessionEndedError') session.end(sessionId, result);
      else if (result.__typename === 'StaleAttemptError') return this.forget(attemptToken);
      else if (result.__typename === 'PutFramePictureSuccess') return;
      else throw new Error(`The gateway did not take it: ${result.message}`);
    }
  }
}

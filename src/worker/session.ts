import type { Logger } from 'pino';
import { SetupError } from '../domain/setup-error.ts';
import { retryWhileUnavailable } from './back-off.ts';
import {
  type GatewayClient,
  GatewayRefusal,
  type SessionEnded,
  type SignedOn,
  type SignOnInput,
} from './gateway-client.ts';

export interface SessionDeps {
  readonly client: Pick<GatewayClient, 'signOn'>;
  readonly logger: Logger;
  /** Ends the waiting for a gateway that is away. */
  readonly signal: AbortSignal;
}

/** The session was ended for good: everything stops, nothing is moved into place any more. */
export class SessionLost extends SetupError {
  override name = 'SessionLost';
}

const LOST: Readonly<Record<'SIGNED_ON_ELSEWHERE' | 'DELETED', string>> = {
  SIGNED_ON_ELSEWHERE: 'Another process signed on as this worker; give each its own --state-dir.',
  DELETED: 'This worker was deleted on the gateway.',
};

/** The worker's present sign-on. Whoever needs it asks for it; whoever hears that it ended says so. */
export class Session {
  readonly #deps: SessionDeps;
  readonly #input: SignOnInput;
  readonly #onSignedOn: (session: SignedOn) => void;
  #current: Promise<SignedOn> | undefined;
  #sessionId: string | undefined;

  constructor(deps: SessionDeps, input: SignOnInput, onSignedOn: (session: SignedOn) => void) {
    this.#deps = deps;
    this.#input = input;
    this.#onSignedOn = onSignedOn;
  }

  /**
   * Signs on when there is no session.
   * @throws SetupError when the gateway refuses; the signal's reason
   */
  current(): Promise<SignedOn> {
    this.#current ??= this.#signOn();
    return this.#current;
  }

  /** Undefined while there is none. */
  get sessionId(): string | undefined {
    return this.#sessionId;
  }

  isCurrent(sessionId: string): boolean {
    return this.#sessionId === sessionId;
  }

  /**
   * The gateway says that a session is over.
   * @throws SessionLost unless the worker may sign on again
   */
  end(sessionId: string, ended: SessionEnded): void {
    if (!this.isCurrent(sessionId)) return; // another call heard it before
    this.#current = undefined;
    this.#sessionId = undefined;
    if (ended.reason !== 'UNKNOWN') {
      this.#current = Promise.reject(new SessionLost(LOST[ended.reason]));
      this.#current.catch(() => {}); // whoever asks for the session hears it
      throw new SessionLost(LOST[ended.reason]);
    }
    this.#deps.logger.warn('the gateway does not know this session any more, signing on again');
  }

  async #signOn(): Promise<SignedOn> {
    const { client, logger, signal } = this.#deps;
    try {
      const result = await retryWhileUnavailable(() => client.signOn(this.#input), { logger, signal });
      if (result.__typename !== 'SignOnWorkerSuccess') throw new SetupError(`The gateway refused: ${result.message}`);
      this.#sessionId = result.sessionId;
      this.#onSignedOn(result);
      logger.info({ leaseSeconds: result.leaseSeconds }, 'signed on');
      return result;
    } catch (error) {
      this.#current = undefined;
      throw error instanceof GatewayRefusal ? new SetupError(explainRefusal(error)) : error;
    }
  }
}

/** What to do about a gateway that will not have this worker. */
export function explainRefusal({ refused, message }: GatewayRefusal): string {
  return refused === 'credentials'
    ? `The gateway does not accept this worker (${message}). If its database is new, or the worker was deleted, remove worker.json from the state directory to register anew.`
    : `The gateway does not understand this worker (${message}). Are both of the same version?`;
}

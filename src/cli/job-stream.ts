import { setTimeout as delay } from 'node:timers/promises';
import { CloseCode, createClient } from 'graphql-ws';
import WebSocket, { type ClientOptions } from 'ws';
import { CommandFailure } from './command-failure.ts';
import { explainUnreachable, type Gateway } from './gateway.ts';

/** A job as far as it is watched. */
export interface JobState {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly statusReason: string;
  readonly error: string | null;
  readonly progress: number;
  readonly frameCounts: { readonly total: number; readonly done: number };
  readonly taskCounts: Readonly<Record<'total' | 'active' | 'completed' | 'failed', number>>;
  readonly secondsElapsed: number;
  readonly secondsLeft: number | null;
  readonly waitingFor: readonly string[];
}

type Update =
  | ({ readonly __typename: 'Job' } & JobState)
  | { readonly __typename: 'NotFoundError'; readonly message: string };

const JOB_UPDATED = `
  subscription Job($id: ID!) {
    jobUpdated(id: $id) {
      __typename
      ... on Job {
        id name status statusReason error progress frameCounts { total done } taskCounts { total active completed failed }
        secondsElapsed secondsLeft waitingFor
      }
      ... on Error { message }
    }
  }`;

export interface StreamOptions {
  readonly signal: AbortSignal;
  /** Told when the gateway is gone, and when it is there again. */
  onAway(isAway: boolean): void;
}

/** A gateway that says nothing at all for this long is not there any more. */
const SILENCE_MS = 15_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

class Socket extends WebSocket {
  constructor(address: string | URL, protocols?: string | string[]) {
    super(address, protocols, { handshakeTimeout: SILENCE_MS, perMessageDeflate: false } satisfies ClientOptions);
  }
}

/**
 * The job as it is now, then its newest state whenever it has changed. When the connection is lost it is made again, for
 * as long as it takes; a state needs no cursor to go on. Ends with the signal.
 *
 * @throws CommandFailure when the gateway cannot be reached in the first place, or when there is no such job (any more)
 */
export async function* streamJob(gateway: Gateway, id: string, options: StreamOptions): AsyncGenerator<JobState> {
  const { signal, onAway } = options;
  let wasThere = false;
  for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      for await (const update of subscribe(gateway, id, signal)) {
        if (update.__typename === 'NotFoundError') throw new CommandFailure(update.message);
        onAway(false);
        wasThere = true;
        pauseMs = FIRST_PAUSE_MS;
        yield update;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof CommandFailure) throw error;
      if (!wasThere) throw new CommandFailure(explainUnreachable(gateway.url, error));
    }
    if (signal.aborted) return;
    onAway(true);
    await delay(pauseMs, undefined, { signal }).catch(() => {});
  }
}

/** One connection's worth of updates. */
async function* subscribe({ url, token }: Gateway, id: string, signal: AbortSignal): AsyncGenerator<Update> {
  let answerIsLate: NodeJS.Timeout | undefined;
  const client = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    webSocketImpl: Socket,
    connectionParams: token === undefined ? undefined : { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    keepAlive: SILENCE_MS / 3,
    on: {
      ping: (isReceived) => {
        if (!isReceived) answerIsLate = setTimeout(() => client.terminate(), SILENCE_MS);
      },
      pong: () => clearTimeout(answerIsLate),
    },
  });
  const end = () => void client.dispose();
  signal.addEventListener('abort', end, { once: true });
  try {
    for await (const { data, errors } of client.iterate<{ jobUpdated: Update }>({
      query: JOB_UPDATED,
      variables: { id },
    })) {
      if (errors) throw new CommandFailure(errors.map(({ message }) => message).join('\n'));
      if (data) yield data.jobUpdated;
    }
  } catch (error) {
    throw toError(error);
  } finally {
    clearTimeout(answerIsLate);
    signal.removeEventListener('abort', end);
    await client.dispose();
  }
}

/** graphql-ws throws GraphQL errors as a list, and whatever closed the socket as an event. */
function toError(reason: unknown): Error {
  if (Array.isArray(reason)) return new CommandFailure(reason.map(({ message }) => String(message)).join('\n'));
  if (reason instanceof Error) return reason;
  const { code, reason: why, error } = reason as { code?: number; reason?: string; error?: Error };
  if (code === CloseCode.Forbidden || code === CloseCode.Unauthorized) return new CommandFailure(why || 'Forbidden.');
  return error ?? new Error(why || `the connection was closed (${code})`);
}

import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { GatewayRefusal } from './gateway-refusal.ts';

/** Where a gateway is, and as whom to speak to it. */
export interface GatewayAddress {
  /** Base address, as `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly token?: string;
}

export interface GraphqlAnswer<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: unknown } }[];
}

/** A gateway that gives no sign of life for this long (ms) is not there any more. */
const SILENCE_MS = 15_000;
/** For the gateway to say goodbye too. */
const GOODBYE_MS = 1_000;
/** Answers that wait to be taken; with more of them the socket is read no further. */
const MOST_WAITING = 32;

/**
 * One connection's worth of a subscription. It ends when the gateway says that it is complete.
 *
 * @throws GatewayRefusal when trying again would change nothing; any other error when the connection is lost
 */
export async function* subscribeOnce<Data>(
  { url, token }: GatewayAddress,
  operation: { readonly query: string; readonly variables: Record<string, unknown> },
  signal: AbortSignal,
): AsyncGenerator<GraphqlAnswer<Data>> {
  const waiting: GraphqlAnswer<Data>[] = [];
  let end: { readonly error?: unknown } | undefined;
  let notify: () => void = () => {};
  let socket: WebSocket | undefined;
  let lateAnswer: NodeJS.Timeout | undefined;

  const client = createClient({
    url: `${url.replace(/^http/, 'ws').replace(/\/+$/, '')}/graphql`,
    webSocketImpl: PatientSocket,
    connectionParams: token === undefined ? undefined : { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    keepAlive: SILENCE_MS / 3,
    on: {
      opened: (opened) => {
        socket = opened as WebSocket;
      },
      ping: (isReceived) => {
        if (!isReceived) lateAnswer ??= setTimeout(() => socket?.terminate(), SILENCE_MS);
      },
      pong: () => {
        clearTimeout(lateAnswer);
        lateAnswer = undefined;
      },
      // Before the client thinks about it: after a normal closure it would subscribe again with the same variables.
      closed: (event) => finish({ error: toError(event) }),
    },
  });
  const finish = (how: { readonly error?: unknown }) => {
    end ??= how;
    notify();
  };
  const stop = () => finish({});
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  else
    client.subscribe<Data>(operation, {
      next: (answer) => {
        waiting.push(answer as GraphqlAnswer<Data>);
        if (waiting.length > MOST_WAITING) socket?.pause();
        notify();
      },
      error: (error) => finish({ error: toError(error) }),
      complete: () => finish({}),
    });

  try {
    while (!signal.aborted) {
      const answer = waiting.shift();
      if (answer) yield answer;
      else if (end) break;
      else {
        socket?.resume();
        await new Promise<void>((resolve) => {
          notify = resolve;
        });
      }
    }
    if (end?.error && !signal.aborted) throw end.error;
  } finally {
    clearTimeout(lateAnswer);
    signal.removeEventListener('abort', stop);
    socket?.resume();
    await client.dispose();
    setTimeout(() => socket?.terminate(), GOODBYE_MS).unref();
  }
}

class PatientSocket extends WebSocket {
  constructor(address: string | URL, protocols?: string | string[]) {
    super(address, protocols, { handshakeTimeout: SILENCE_MS, perMessageDeflate: false });
  }
}

/** The codes 4400 to 4499 say that this client is at fault, as HTTP's 400 to 499 do. */
function isClientFault(code: number | undefined): boolean {
  return code !== undefined && code >= 4400 && code < 4500;
}

/** graphql-ws gives GraphQL errors as a list, and whatever closed the socket as an event. */
function toError(reason: unknown): unknown {
  if (Array.isArray(reason)) return new GatewayRefusal(reason);
  if (reason instanceof Error) return reason;
  const { code, reason: why, error } = reason as { code?: number; reason?: string; error?: Error };
  if (isClientFault(code)) return new GatewayRefusal([{ message: why || `The connection was refused (${code}).` }]);
  const status = /^Unexpected server response: (4\d\d)$/.exec(error?.message ?? '')?.[1];
  if (status) return new GatewayRefusal([{ message: `The gateway refused the connection (HTTP ${status}).` }]);
  return error ?? new Error(why || `The connection was closed (${code}).`);
}

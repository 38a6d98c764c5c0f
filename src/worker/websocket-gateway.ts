import { type Client, createClient } from 'graphql-ws';
import WebSocket, { type ClientOptions } from 'ws';
import type {
  AppendLogInput,
  AppendLogResult,
  GatewayClient,
  PutPictureInput,
  PutPictureResult,
  SignOnInput,
  SignOnResult,
  SyncInput,
  SyncResult,
} from './gateway-client.ts';
import { GatewayUnavailable } from './gateway-client.ts';
import {
  APPEND_TASK_LOG,
  PUT_FRAME_PICTURE,
  SIGN_OFF_WORKER,
  SIGN_ON_WORKER,
  SYNC_WORKER,
} from './gateway-documents.ts';
import { type GraphQLResponse, toGatewayError, toGatewayErrorOfClosing } from './gateway-errors.ts';

/** A gateway that does not answer a small question within this is not there. */
const ANSWER_MS = 15_000;
const PING_MS = 10_000;
const CLOSE_MS = 1000;
const NORMAL_CLOSURE = 1000;

const SOCKET_OPTIONS: ClientOptions = { handshakeTimeout: ANSWER_MS, perMessageDeflate: false };

class Socket extends WebSocket {
  constructor(address: string | URL, protocols?: string | string[]) {
    super(address, protocols, SOCKET_OPTIONS);
  }
}

/** One socket and its client, from the first call over it until it is lost. */
interface Connection {
  readonly client: Client;
  socket?: WebSocket;
}

/**
 * Speaks the worker protocol over one graphql-ws socket, which is opened again by the next call after it was lost.
 * It does not retry by itself: only the caller knows whether a call still says the truth.
 */
export class WebSocketGateway implements GatewayClient {
  readonly #gateway: string;
  readonly #token: string;
  #connection: Connection | undefined;

  /** @param gateway base address, as `http://127.0.0.1:4000` */
  constructor(gateway: string, token: string) {
    this.#gateway = gateway;
    this.#token = token;
  }

  signOn(input: SignOnInput): Promise<SignOnResult> {
    return this.#ask('signOnWorker', SIGN_ON_WORKER, input, ANSWER_MS);
  }

  sync(input: SyncInput, timeoutMs: number): Promise<SyncResult> {
    return this.#ask('syncWorker', SYNC_WORKER, input, timeoutMs);
  }

  appendLog(input: AppendLogInput): Promise<AppendLogResult> {
    return this.#ask('appendTaskLog', APPEND_TASK_LOG, input, ANSWER_MS);
  }

  putPicture(input: PutPictureInput): Promise<PutPictureResult> {
    return this.#ask('putFramePicture', PUT_FRAME_PICTURE, input, ANSWER_MS);
  }

  async signOff(sessionId: string): Promise<void> {
    await this.#ask('signOffWorker', SIGN_OFF_WORKER, { sessionId }, ANSWER_MS);
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) return;
    // Nobody may answer, or not even let a socket be opened.
    setTimeout(() => terminate(connection), CLOSE_MS).unref();
    await dispose(connection.client);
  }

  /**
   * Not lazy: a lazy client closes its idle socket after a time, and the timer of that outlives `dispose` and holds the
   * process. After a normal closure it would open another socket by itself, and ask again what was under way.
   */
  #connect(): Connection {
    const forget = () => {
      if (this.#connection === connection) this.#connection = undefined;
    };
    const connection: Connection = {
      client: createClient({
        url: socketAddress(this.#gateway),
        webSocketImpl: Socket,
        connectionParams: { authorization: `Bearer ${this.#token}` },
        connectionAckWaitTimeout: ANSWER_MS,
        keepAlive: PING_MS,
        lazy: false,
        onNonLazyError: () => {}, // whoever has asked is told
        retryAttempts: 0,
        on: {
          opened: (socket) => {
            connection.socket = socket as WebSocket;
          },
          error: forget,
          closed: (event) => {
            forget();
            if ((event as { code?: number }).code === NORMAL_CLOSURE) void dispose(connection.client);
          },
        },
      }),
    };
    return connection;
  }

  #ask<Result>(field: string, query: string, input: unknown, timeoutMs: number): Promise<Result> {
    return new Promise((resolve, reject) => {
      let answer: GraphQLResponse | undefined;
      const deadline = setTimeout(() => {
        reject(new GatewayUnavailable(`no answer to ${field} within ${timeoutMs} ms`));
        this.#dropConnection();
      }, timeoutMs);
      this.#connection ??= this.#connect();
      this.#connection.client.subscribe<Record<string, unknown>>(
        { query, variables: { input } },
        {
          next: (response) => {
            answer = response;
          },
          error: (reason) => {
            clearTimeout(deadline);
            reject(toGatewayErrorOfClosing(reason));
          },
          complete: () => {
            clearTimeout(deadline);
            const data = answer?.data?.[field];
            if (data === undefined || data === null) reject(toGatewayError(answer, field));
            else resolve(data as Result);
          },
        },
      );
    });
  }

  /** A half-open connection never closes by itself: whatever is under way on it fails now. */
  #dropConnection(): void {
    if (this.#connection) terminate(this.#connection);
  }
}

function terminate({ client, socket }: Connection): void {
  client.terminate();
  socket?.terminate();
}

/** One that cannot be opened is closed too. */
async function dispose(client: Client): Promise<void> {
  await Promise.resolve(client.dispose()).catch(() => {});
}

function socketAddress(gateway: string): string {
  const address = endpointOf(gateway);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  return address.href;
}

/** Where the gateway's GraphQL is, from its base address. */
export function endpointOf(gateway: string): URL {
  return new URL('graphql', gateway.endsWith('/') ? gateway : `${gateway}/`);
}

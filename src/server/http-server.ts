import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Caller } from './caller.ts';
import { refuse } from './errors.ts';
import { GRAPHQL_PATH } from './graphql-endpoint.ts';
import { explainListenError, formatHost } from './listen-address.ts';
import { isEventStream, readBody, readSenderHeaders, writeResponse, writeToSocket } from './node-http.ts';
import type { Operation, Operations } from './operations.ts';
import type { SenderGuard } from './origin.ts';
import { addSecurityHeaders } from './security-headers.ts';
import type { WebSocketEndpoint } from './websocket.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
  /** For whoever sits at this machine: `http://127.0.0.1:4000`. */
  readonly url: string;
}

export interface HttpServerDeps {
  readonly guard: SenderGuard;
  answer(request: Request, caller: Caller): Promise<Response>;
  createRequest(url: string, init: RequestInit): Request;
  readonly operations: Operations;
  readonly webSockets: WebSocketEndpoint;
  readonly logger: Logger;
}

export interface HttpServer {
  /** @throws SetupError when the address cannot be had */
  listen(host: string, port: number): Promise<Address>;
  close(graceMs: number): Promise<void>;
}

/** Time for both sides of a WebSocket to say goodbye; those that do not answer are cut off. */
const GOODBYE_LIMIT_MS = 1_000;

// biome-ignore format: each with its reason
const SERVER_OPTIONS = {
  headersTimeout:        20_000, // a client that drips its headers holds a connection for so long
  requestTimeout:        60_000, // 8 MiB over a slow line
  keepAliveTimeout:      65_000, // longer than clients keep unused connections, so that they never write into a closed one
  keepAlive:               true, // TCP's own, for streams: finds peers that vanished
  keepAliveInitialDelay: 30_000,
};

/** Node's server in front of the guard, the routes and the WebSockets. */
export function createHttpServer(deps: HttpServerDeps): HttpServer {
  const { guard, operations, webSockets, logger } = deps;
  const server = createServer(SERVER_OPTIONS);
  let isClosing = false;

  server.on('request', (message, response) => {
    const operation = operations.begin();
    response.once('close', operation.end);
    serve(message, response, operation).catch((error) => {
      if (!response.destroyed) logger.error({ err: error }, 'A request could not be answered');
      response.destroy();
    });
  });

  server.on('upgrade', (message, socket, head) => {
    socket.on('error', () => socket.destroy());
    const refusal = guard(readSenderHeaders(message)) ?? refuseUpgrade(message);
    if (!refusal) return webSockets.accept(message, socket, head);
    void writeToSocket(addSecurityHeaders(refusal), socket);
  });

  async function serve(message: IncomingMessage, response: ServerResponse, operation: Operation): Promise<void> {
    const reply = addSecurityHeaders(guard(readSenderHeaders(message)) ?? (await answerMessage(message, operation)));
    if (isEventStream(reply)) operation.markStreaming();
    if (isClosing) response.setHeader('Connection', 'close');
    await writeResponse(reply, response, operation.signal);
  }

  async function answerMessage(message: IncomingMessage, operation: Operation): Promise<Response> {
    const { method = 'GET', url = '/', headers } = message;
    if (!url.startsWith('/')) return refuse('BAD_REQUEST', 'This is no proxy: ask for a path.');
    const hasBody = method !== 'GET' && method !== 'HEAD';
    const body = hasBody ? await readBody(message) : undefined;
    if (body instanceof Response) return body;
    const request = deps.createRequest(`http://${headers.host}${url}`, {
      method,
      headers: headers as Record<string, string>,
      body,
    });
    const authorization = headers.authorization ?? null;
    const remoteAddress = message.socket.remoteAddress ?? null;
    return await deps.answer(request, { authorization, remoteAddress, signal: operation.signal });
  }

  return {
    async listen(host, port) {
      try {
        server.listen(port, host);
        await once(server, 'listening');
      } catch (error) {
        throw explainListenError(error, host, port);
      }
      const bound = server.address() as AddressInfo;
      return { host, port: bound.port, url: `http://${formatHost(nameForLocals(host))}:${bound.port}` };
    },
    async close(graceMs) {
      isClosing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      webSockets.drain();
      operations.stop();
      await waitAtMost(graceMs, operations.idle());
      await waitAtMost(GOODBYE_LIMIT_MS, webSockets.close());
      webSockets.terminate();
      server.closeAllConnections();
      await closed;
    },
  };
}

function refuseUpgrade({ url = '/', headers }: IncomingMessage): Response | undefined {
  if (url.split('?', 1)[0] !== GRAPHQL_PATH)
    return refuse('NOT_FOUND', `WebSockets are served at ${GRAPHQL_PATH} only.`);
  if (headers.upgrade?.toLowerCase() !== 'websocket') return refuse('BAD_REQUEST', 'The only upgrade is to WebSocket.');
  return undefined;
}

/** Every address is no address to go to. */
function nameForLocals(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

async function waitAtMost(limitMs: number, event: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([event, limit]);
  clearTimeout(timer);
}

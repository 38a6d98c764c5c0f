import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, handleProtocols } from 'graphql-ws';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import type { GraphqlServer } from './graphql-endpoint.ts';
import type { ErrorMask } from './masking.ts';
import { MAX_PAYLOAD_BYTES } from './node-http.ts';
import type { Operations } from './operations.ts';
import { keepAlive, PING_INTERVAL_MS } from './websocket-keep-alive.ts';
import { pace } from './websocket-pace.ts';
import { type Connection, createProtocol, leaveStreams } from './websocket-protocol.ts';

export interface WebSocketDeps {
  readonly graphql: GraphqlServer;
  readonly mask: ErrorMask;
  readonly operations: Operations;
  readonly logger: Logger;
  readonly pingIntervalMs?: number;
}

/** GraphQL over WebSocket (`graphql-transport-ws`). Requests reach `accept` only after the guards. */
export interface WebSocketEndpoint {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes each socket as soon as no query or mutation runs on it. Subscriptions end unsaid, so that clients return. */
  drain(): void;
  /** Closes those that are left and resolves when they are closed. */
  close(): Promise<void>;
  /** Cuts off those that do not answer. */
  terminate(): void;
}

/** Clients of graphql-ws connect again after it, and subscribe again. */
const GOING_AWAY = 1001;

export function createWebSocketEndpoint(deps: WebSocketDeps): WebSocketEndpoint {
  const { graphql, mask, operations, logger, pingIntervalMs = PING_INTERVAL_MS } = deps;
  const connections = new Set<Connection>();
  let isDraining = false;
  let onEmpty: () => void = () => {};

  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD_BYTES, handleProtocols });
  const stopPings = keepAlive(sockets, pingIntervalMs);
  const protocol = createProtocol({
    graphql,
    mask,
    operations,
    // Later: the message that completes the operation is still to be sent, else clients would send it again.
    onOperationEnd: (connection) => void (isDraining && setImmediate(leaveIfIdle, connection)),
  });

  sockets.on('connection', (socket, request) => {
    const send = pace(socket);
    const connection: Connection = {
      socket,
      send,
      remoteAddress: request.socket.remoteAddress ?? null,
      operations: new Map(),
      brief: new Set(),
      context: undefined,
      isLeaving: false,
    };
    connections.add(connection);
    const onClosed = protocol.opened(
      {
        protocol: socket.protocol,
        send,
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) =>
          socket.on('message', (data) => take(String(data)).catch((error) => abandon(socket, error))),
      },
      connection,
    );
    socket.on('error', (error) => logger.debug({ err: error }, 'A WebSocket broke')); // too long, not UTF-8, reset
    socket.once('close', (code, reason) => {
      connections.delete(connection);
      onClosed(code, String(reason)).catch((error) => logger.error({ err: error }, 'A WebSocket was not cleaned up'));
      if (connections.size === 0) onEmpty();
    });
  });

  function leave({ socket }: Connection): void {
    socket.close(GOING_AWAY, 'The gateway shuts down');
  }

  function leaveIfIdle(connection: Connection): void {
    if (connection.brief.size === 0) leave(connection);
  }

  function abandon(socket: WebSocket, error: unknown): void {
    logger.warn({ err: error }, 'A WebSocket message could not be handled');
    socket.close(CloseCode.InternalServerError, 'Internal server error');
  }

  return {
    accept(request, socket, head) {
      sockets.handleUpgrade(request, socket, head, (webSocket) => sockets.emit('connection', webSocket, request));
    },
    drain() {
      isDraining = true;
      for (const connection of connections) {
        leaveStreams(connection);
        leaveIfIdle(connection);
      }
    },
    async close() {
      if (connections.size === 0) return;
      for (const connection of connections) leave(connection);
      await new Promise<void>((resolve) => {
        onEmpty = resolve;
      });
    },
    terminate() {
      stopPings();
      for (const { socket } of connections) socket.terminate();
    },
  };
}

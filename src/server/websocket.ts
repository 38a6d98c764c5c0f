import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST } from 'graphql';
import {
  CloseCode,
  type Context,
  handleProtocols,
  makeServer,
  type OperationResult,
  type SubscribePayload,
} from 'graphql-ws';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import type { GraphqlServer } from './graphql-endpoint.ts';
import { type ErrorMask, formatError } from './masking.ts';
import { MAX_PAYLOAD_BYTES } from './node-http.ts';
import type { Operation, Operations } from './operations.ts';
import { keepAlive, PING_INTERVAL_MS } from './websocket-keep-alive.ts';
import { pace } from './websocket-pace.ts';

/** Each holds at most one unread message; a dashboard has dozens. */
const MAX_OPERATIONS_PER_SOCKET = 1_000;
const GOING_AWAY = 1001;
/** Time for a slow line to say who it is. */
const CONNECTION_INIT_LIMIT_MS = 10_000;

export interface WebSocketDeps {
  readonly graphql: GraphqlServer;
  readonly mask: ErrorMask;
  readonly operations: Operations;
  readonly logger: Logger;
}

/** GraphQL over WebSocket (`graphql-transport-ws`). Requests reach `accept` only after the guards. */
export interface WebSocketEndpoint {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes each socket as soon as no query or mutation runs on it. Subscriptions end unsaid, so that clients return. */
  drain(): void;
  /** Resolves when all sockets are closed. */
  empty(): Promise<void>;
  /** Cuts off those that are left. */
  terminate(): void;
}

interface Connection {
  readonly socket: WebSocket;
  readonly remoteAddress: string | null;
  readonly operations: Map<string, Operation>;
  /** Ids of those that are no subscriptions: a shutdown waits for their answers. */
  readonly brief: Set<string>;
}

type ConnectionContext = Context<Record<string, unknown>, Connection>;
type Enveloped = ReturnType<GraphqlServer['getEnveloped']>;
type RunnableArgs = ExecutionArgs & Pick<Enveloped, 'execute' | 'subscribe'>;

export function createWebSocketEndpoint(deps: WebSocketDeps, pingIntervalMs = PING_INTERVAL_MS): WebSocketEndpoint {
  const { graphql, mask, operations, logger } = deps;
  const contexts = new Set<ConnectionContext>();
  let isDraining = false;
  let onEmpty: () => void = () => {};

  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_PAYLOAD_BYTES, handleProtocols });
  const stopPings = keepAlive(sockets, pingIntervalMs);

  const protocol = makeServer<Record<string, unknown>, Connection>({
    connectionInitWaitTimeout: CONNECTION_INIT_LIMIT_MS,
    onConnect(context) {
      contexts.add(context);
    },
    onClose(context) {
      contexts.delete(context);
      for (const operation of context.extra.operations.values()) operation.end();
    },
    onSubscribe: prepare,
    execute: (args) => run((args as RunnableArgs).execute, args),
    subscribe: (args) => run((args as RunnableArgs).subscribe, args),
    async onOperation(context, id, _payload, _args, pending) {
      const result = await pending;
      if (isStream(result)) return endWithStream(result, () => end(context.extra, id));
      return isRequestError(result) ? fail(result.errors) : undefined;
    },
    onNext: (_context, _id, _payload, _args, result) =>
      result.errors && { ...result, errors: result.errors.map((error) => formatError(mask(error))) },
    onError: (_context, _id, _payload, errors) => errors.flatMap(unwrap).map((error) => formatError(mask(error))),
    onComplete: (context, id) => end(context.extra, id),
  });

  sockets.on('connection', (socket, request) => {
    const connection: Connection = {
      socket,
      remoteAddress: request.socket.remoteAddress ?? null,
      operations: new Map(),
      brief: new Set(),
    };
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: pace(socket),
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) =>
          socket.on('message', (data) => take(String(data)).catch((error) => abandon(socket, error))),
      },
      connection,
    );
    socket.on('error', (error) => logger.debug({ err: error }, 'A WebSocket broke')); // too long, not UTF-8, reset
    socket.once('close', (code, reason) => {
      closed(code, String(reason)).catch((error) => logger.error({ err: error }, 'A WebSocket was not cleaned up'));
      if (sockets.clients.size === 0) onEmpty();
    });
  });

  /** Parses, validates and makes the context, as Yoga does over HTTP. */
  async function prepare(context: ConnectionContext, id: string, payload: SubscribePayload) {
    const connection = context.extra;
    if (connection.operations.size >= MAX_OPERATIONS_PER_SOCKET) return [refuseOneMore()];
    const operation = operations.begin();
    connection.operations.set(id, operation);
    try {
      const { authorization } = context.connectionParams ?? {};
      const { schema, parse, validate, contextFactory, execute, subscribe } = graphql.getEnveloped({
        caller: {
          authorization: typeof authorization === 'string' ? authorization : null,
          remoteAddress: connection.remoteAddress,
          signal: operation.signal,
        },
      });
      const document = parse(payload.query);
      const errors: readonly GraphQLError[] = validate(schema, document);
      if (errors.length > 0) throw new AggregateError(errors);
      const kind = getOperationAST(document, payload.operationName)?.operation;
      if (kind === undefined) throw new GraphQLError('Name one of the operations of the document in operationName.');
      if (kind === 'subscription') operation.markStreaming();
      else connection.brief.add(id);
      const { operationName, variables: variableValues } = payload;
      const contextValue = await contextFactory();
      return { schema, document, operationName, variableValues, contextValue, execute, subscribe } as RunnableArgs;
    } catch (error) {
      end(connection, id);
      return unwrap(error).map(mask);
    }
  }

  async function run(
    runner: (args: ExecutionArgs) => OperationResult,
    args: ExecutionArgs,
  ): Promise<Awaited<OperationResult>> {
    try {
      return await runner(args);
    } catch (error) {
      return { errors: unwrap(error).map(mask) };
    }
  }

  function end(connection: Connection, id: string): void {
    connection.operations.get(id)?.end();
    connection.operations.delete(id);
    connection.brief.delete(id);
    // Not at once: the message that completes the operation is still to be sent, else clients would repeat it.
    if (isDraining) setImmediate(closeIfIdle, connection);
  }

  function closeIfIdle({ socket, brief }: Connection): void {
    if (brief.size === 0) socket.close(GOING_AWAY, 'The gateway shuts down');
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
      for (const context of contexts) {
        leaveStreams(context);
        closeIfIdle(context.extra);
      }
    },
    async empty() {
      if (sockets.clients.size > 0)
        await new Promise<void>((resolve) => {
          onEmpty = resolve;
        });
    },
    terminate() {
      stopPings();
      for (const socket of sockets.clients) socket.terminate();
    },
  };
}

/** Ends the subscriptions without the message that completes them: graphql-ws sends it to those it still knows. */
function leaveStreams({ subscriptions, extra }: ConnectionContext): void {
  for (const [id, stream] of Object.entries(subscriptions)) {
    if (extra.brief.has(id)) continue;
    delete subscriptions[id];
    if (stream && 'return' in stream) void stream.return(undefined);
  }
}

function refuseOneMore(): GraphQLError {
  const message = `This socket has ${MAX_OPERATIONS_PER_SOCKET} operations open: complete some, or open another socket.`;
  return new GraphQLError(message, { extensions: { code: 'RATE_LIMITED' } });
}

function isStream(result: Awaited<OperationResult>): result is AsyncGenerator<ExecutionResult> {
  return Symbol.asyncIterator in result;
}

/** graphql-ws calls `return` when the client completes a subscription and when its socket closes. */
function endWithStream(stream: AsyncGenerator<ExecutionResult>, end: () => void): AsyncGenerator<ExecutionResult> {
  const iterator = stream[Symbol.asyncIterator]();
  return Object.assign(Object.create(iterator), {
    next: () => iterator.next(),
    return(value: unknown) {
      end();
      return iterator.return(value);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  });
}

/** Nothing was executed, so it is an `error` of the protocol and not a result. */
function isRequestError(result: ExecutionResult): result is ExecutionResult & { errors: readonly GraphQLError[] } {
  return result.errors !== undefined && !('data' in result);
}

/** The way to make graphql-ws send an `error` after it has got a result. */
async function* fail(errors: readonly GraphQLError[]): AsyncGenerator<never> {
  yield* [];
  throw new AggregateError(errors);
}

function unwrap(error: unknown): unknown[] {
  const aggregate = error instanceof GraphQLError ? error.cause : error;
  return aggregate instanceof AggregateError ? aggregate.errors : [error];
}

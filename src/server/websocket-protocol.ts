import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST } from 'graphql';
import { type Context, makeServer, type OperationResult, type Server, type SubscribePayload } from 'graphql-ws';
import type { WebSocket } from 'ws';
import type { GraphqlServer } from './graphql-endpoint.ts';
import { type ErrorMask, formatError } from './masking.ts';
import type { Operation, Operations } from './operations.ts';
import { type Answers, takeAnswers } from './subscription-answers.ts';

export interface ProtocolDeps {
  readonly graphql: GraphqlServer;
  readonly mask: ErrorMask;
  readonly operations: Operations;
  /** Called whenever an operation of the connection has ended, just before its last message is sent. */
  onOperationEnd(connection: Connection): void;
}

/** One socket and what runs on it. Operations go by their payload: ids may be used again while the old one still ends. */
export interface Connection {
  readonly socket: WebSocket;
  /** Resolves when there is room for the next message. */
  readonly send: (text: string) => Promise<void>;
  readonly remoteAddress: string | null;
  readonly operations: Map<SubscribePayload, Operation>;
  /** Those that are no subscriptions: a shutdown waits for their answers. */
  readonly brief: Set<SubscribePayload>;
  context: ConnectionContext | undefined;
  /** From then on subscriptions end without the message that completes them, so that clients come back. */
  isLeaving: boolean;
}

type ConnectionContext = Context<Record<string, unknown>, Connection>;
type Enveloped = ReturnType<GraphqlServer['getEnveloped']>;
type RunnableArgs = ExecutionArgs & Pick<Enveloped, 'execute' | 'subscribe'>;
type StreamOrResult = Awaited<OperationResult>;

/** Each holds at most one unread message; a dashboard has dozens. */
const MAX_OPERATIONS_PER_SOCKET = 1_000;
/** Time for a slow line to say who it is. */
const CONNECTION_INIT_LIMIT_MS = 10_000;

/** graphql-ws, running operations as Yoga does over HTTP: the same context, limits, masking. */
export function createProtocol({ graphql, mask, operations, onOperationEnd }: ProtocolDeps): Server<Connection> {
  function begin(connection: Connection, payload: SubscribePayload): Operation {
    if (connection.operations.size >= MAX_OPERATIONS_PER_SOCKET) throw refuseOneMore();
    const operation = operations.begin();
    connection.operations.set(payload, operation);
    return operation;
  }

  function end(connection: Connection, payload: SubscribePayload): void {
    connection.operations.get(payload)?.end();
    connection.operations.delete(payload);
    connection.brief.delete(payload);
    onOperationEnd(connection);
  }

  async function prepare({ connectionParams, extra }: ConnectionContext, _id: string, payload: SubscribePayload) {
    try {
      const { signal, markStreaming } = begin(extra, payload);
      const given = connectionParams?.authorization;
      const authorization = typeof given === 'string' ? given : null;
      const { schema, parse, validate, contextFactory, execute, subscribe } = graphql.getEnveloped({
        caller: { authorization, remoteAddress: extra.remoteAddress, signal },
      });
      const document = parse(payload.query);
      const errors: readonly GraphQLError[] = validate(schema, document);
      if (errors.length > 0) throw new AggregateError(errors);
      const kind = getOperationAST(document, payload.operationName)?.operation;
      if (kind === undefined) throw new GraphQLError('Name one of the operations of the document in operationName.');
      if (kind === 'subscription') markStreaming();
      else extra.brief.add(payload);
      const { operationName, variables: variableValues } = payload;
      const contextValue = await contextFactory();
      return { schema, document, operationName, variableValues, contextValue, execute, subscribe } as RunnableArgs;
    } catch (error) {
      end(extra, payload);
      return unwrap(error).map(mask);
    }
  }

  async function run(runner: (args: ExecutionArgs) => OperationResult, args: ExecutionArgs): Promise<StreamOrResult> {
    try {
      return await runner(args);
    } catch (error) {
      return { errors: unwrap(error).map(mask) };
    }
  }

  return makeServer<Record<string, unknown>, Connection>({
    connectionInitWaitTimeout: CONNECTION_INIT_LIMIT_MS,
    onConnect(context) {
      context.extra.context = context;
    },
    onSubscribe: prepare,
    execute: (args) => run((args as RunnableArgs).execute, args),
    subscribe: (args) => run((args as RunnableArgs).subscribe, args),
    async onOperation(context, id, payload, args, pending) {
      const result = await pending;
      if (!isStream(result)) return isRequestError(result) ? fail(result.errors) : undefined;
      if (context.extra.isLeaving) delete context.subscriptions[id];
      const answers = takeAnswers((args.contextValue as { caller: object }).caller);
      const stream = answers ? sendAnswers(answers, id, context.extra.send) : result;
      return endWithStream(stream, () => end(context.extra, payload));
    },
    onNext: (_context, _id, _payload, _args, result) =>
      result.errors && { ...result, errors: result.errors.map((error) => formatError(mask(error))) },
    onError: (_context, _id, _payload, errors) => errors.flatMap(unwrap).map((error) => formatError(mask(error))),
    onComplete: (context, _id, payload) => end(context.extra, payload),
    onClose({ extra }) {
      for (const operation of extra.operations.values()) operation.end();
    },
  });
}

/** Ends a connection's subscriptions unsaid: graphql-ws completes only those that it still knows. */
export function leaveStreams(connection: Connection): void {
  connection.isLeaving = true;
  const subscriptions = connection.context?.subscriptions ?? {};
  for (const [id, stream] of Object.entries(subscriptions)) {
    if (!stream) continue; // a query, or a subscription that still begins
    delete subscriptions[id];
    if ('return' in stream) void stream.return(undefined);
  }
}

function refuseOneMore(): GraphQLError {
  const message = `This socket has ${MAX_OPERATIONS_PER_SOCKET} operations open: complete some, or open another socket.`;
  return new GraphQLError(message, { extensions: { code: 'RATE_LIMITED' } });
}

function isStream(result: StreamOrResult): result is AsyncIterable<ExecutionResult> {
  return Symbol.asyncIterator in result;
}

/** Nothing was executed, so it is an `error` of the protocol and not a result. */
function isRequestError(result: ExecutionResult): result is ExecutionResult & { errors: readonly GraphQLError[] } {
  return result.errors !== undefined && !('data' in result);
}

/** graphql-ws calls `return` when the client completes a subscription and when its socket closes. */
function endWithStream<Result>(stream: AsyncIterable<Result>, end: () => void): AsyncIterable<Result> {
  const iterator = stream[Symbol.asyncIterator]();
  const watched: AsyncIterator<Result> = {
    next: () => iterator.next(),
    async return(value) {
      end();
      return (await iterator.return?.(value)) ?? { done: true, value };
    },
  };
  return { ...watched, [Symbol.asyncIterator]: () => watched };
}

/**
 * A stream that sends its answers itself, past graphql-ws, which would write each text anew; of it graphql-ws sees only
 * the end.
 */
function sendAnswers(answers: Answers, id: string, send: Connection['send']): AsyncIterable<never> {
  const head = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
  const stream: AsyncIterator<never> = {
    next: () =>
      new Promise((resolve, reject) => {
        const take = (text: string | null) => {
          if (text === null) resolve({ done: true, value: undefined });
          else send(`${head}${text}}`).then(takeNext);
        };
        const takeNext = () => void answers.next().then(take, reject);
        takeNext();
      }),
    async return() {
      await answers.close();
      return { done: true, value: undefined };
    },
  };
  return { ...stream, [Symbol.asyncIterator]: () => stream };
}

/** The way to make graphql-ws send an `error` when it already has a result. */
async function* fail(errors: readonly GraphQLError[]): AsyncGenerator<never> {
  yield* [];
  throw new AggregateError(errors);
}

function unwrap(error: unknown): unknown[] {
  const aggregate = error instanceof GraphQLError ? error.cause : error;
  return aggregate instanceof AggregateError ? aggregate.errors : [error];
}

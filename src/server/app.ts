import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Caller } from './caller.ts';
import { isRequestErrorCode, refuse } from './errors.ts';
import type { ExampleOperation } from './graphiql.ts';
import { createGraphqlServer, graphqlRoute } from './graphql-endpoint.ts';
import { healthRoute, type Readiness, readyRoute } from './health.ts';
import { type Address, createHttpServer } from './http-server.ts';
import { checkListenHost } from './listen-address.ts';
import { createErrorMask } from './masking.ts';
import { trackOperations } from './operations.ts';
import { createSenderGuard, type SenderHeaders } from './origin.ts';
import { createRouter, type Route } from './routes.ts';
import { addSecurityHeaders } from './security-headers.ts';
import type { SharingOptions } from './subscription-answers.ts';
import { createWebSocketEndpoint } from './websocket.ts';

export interface AppDeps {
  readonly schema: GraphQLSchema;
  /** Called once per operation. Gives a plain object: its own fields are what resolvers see. */
  createContext(caller: Caller): object | Promise<object>;
  /** What subscribers have to have in common to share their answers; left out, each gets answers of its own. */
  readonly sharing?: SharingOptions;
  /** What is served beside GraphQL. */
  readonly routes?: readonly Route[];
  readonly logger: Logger;
  readonly version: string;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Needed for any host but this machine's own. */
  readonly allowAnonymous: boolean;
  isReady(): Promise<Readiness>;
  /** Whether a thrown error says that the database cannot be reached. */
  isDatabaseUnavailable(error: unknown): boolean;
  /** What GraphiQL shows first, one tab each. */
  readonly exampleOperations: readonly ExampleOperation[];
}

export interface App {
  /** @throws SetupError when the address is taken, not allowed or not this machine's */
  listen(): Promise<Address>;
  /**
   * Takes nothing new, ends subscriptions so that clients come back, lets what runs go on for up to `graceMs`, then
   * closes every connection. May be called more than once.
   */
  close(graceMs: number): Promise<void>;
  /** The whole way of a request, without a port. */
  fetch(url: string, init?: RequestInit): Promise<Response>;
}

/**
 * The gateway's HTTP and WebSocket side. Nothing is opened before `listen`.
 * @throws SetupError for a host that others can reach, unless everyone is let in on purpose
 */
export function createApp(deps: AppDeps): App {
  const { logger, host } = deps;
  checkListenHost(host, deps.allowAnonymous);

  let port = deps.port;
  let isClosing = false;
  const mask = createErrorMask(deps);
  const operations = trackOperations();
  const graphql = createGraphqlServer({ ...deps, mask });
  const guard = createSenderGuard(host, () => port);
  const isReady = async () => (isClosing ? { ok: false, reasons: ['The gateway shuts down.'] } : await deps.isReady());

  const findAnswer = createRouter([
    graphqlRoute(graphql, deps.exampleOperations),
    healthRoute(deps.version),
    readyRoute(isReady, mask),
    ...(deps.routes ?? []),
  ]);

  async function answer(request: Request, caller: Caller): Promise<Response> {
    try {
      return addSecurityHeaders(await findAnswer(request.method, new URL(request.url).pathname)(request, caller));
    } catch (error) {
      const { message, extensions } = mask(error);
      return addSecurityHeaders(
        refuse(isRequestErrorCode(extensions.code) ? extensions.code : 'INTERNAL_SERVER_ERROR', message),
      );
    }
  }

  const server = createHttpServer({
    guard,
    answer,
    createRequest: (url, init) => new graphql.fetchAPI.Request(url, init),
    operations,
    webSockets: createWebSocketEndpoint({ graphql, mask, operations, logger }),
    logger,
  });

  async function shutDown(graceMs: number): Promise<void> {
    isClosing = true;
    await server.close(graceMs);
    await graphql.dispose();
  }
  let closed: Promise<void> | undefined;

  return {
    async listen() {
      const address = await server.listen(host, port);
      port = address.port;
      return address;
    },
    close(graceMs) {
      closed ??= shutDown(graceMs);
      return closed;
    },
    async fetch(url, init) {
      const request = new graphql.fetchAPI.Request(url, init);
      const refusal = guard(readSender(request));
      if (refusal) return addSecurityHeaders(refusal);
      const authorization = request.headers.get('authorization');
      return await answer(request, { authorization, remoteAddress: null, signal: new AbortController().signal });
    },
  };
}

function readSender({ headers, url }: Request): SenderHeaders {
  return {
    host: headers.get('host') ?? new URL(url).host,
    origin: headers.get('origin'),
    fetchSite: headers.get('sec-fetch-site'),
    fetchMode: headers.get('sec-fetch-mode'),
  };
}

import type { GraphQLSchema } from 'graphql';
import { createYoga, type YogaServerInstance } from 'graphql-yoga';
import type { Caller } from './caller.ts';
import { refuse } from './errors.ts';
import { useEventStream } from './event-stream.ts';
import { createGraphiqlPage, type ExampleOperation } from './graphiql.ts';
import { useQueryLimits } from './limits.ts';
import { type ErrorMask, useErrorCodes } from './masking.ts';
import type { Route } from './routes.ts';
import { NO_SHARING, type SharingOptions, useSubscriptionAnswers } from './subscription-answers.ts';

export const GRAPHQL_PATH = '/graphql';

export interface GraphqlDeps {
  readonly schema: GraphQLSchema;
  /** Called once per operation. Gives a plain object: its own fields are what resolvers see. */
  createContext(caller: Caller): object | Promise<object>;
  readonly mask: ErrorMask;
  /** What subscribers have to have in common to share their answers; left out, each gets answers of its own. */
  readonly sharing?: SharingOptions;
}

/** What both transports run operations with, so that limits, masking and context are the same. */
export type GraphqlServer = YogaServerInstance<{ caller: Caller }, object>;

export function createGraphqlServer({ schema, createContext, mask, sharing = NO_SHARING }: GraphqlDeps): GraphqlServer {
  return createYoga<{ caller: Caller }, object>({
    schema,
    context: ({ caller }) => createContext(caller),
    graphqlEndpoint: GRAPHQL_PATH,
    plugins: [useErrorCodes(), useQueryLimits(), useSubscriptionAnswers(mask, sharing), useEventStream()],
    maskedErrors: { maskError: mask },
    logging: false, // the mask logs, once
    // What follows is done here, before a request gets that far, or not wanted.
    graphiql: false,
    landingPage: false,
    cors: false,
    multipart: false,
    maxRequestBodySize: false,
  });
}

/** `/graphql` over HTTP: operations by POST or as server-sent events, GraphiQL for browsers. */
export function graphqlRoute(server: GraphqlServer, examples: readonly ExampleOperation[]): Route {
  const showGraphiql = createGraphiqlPage(examples);

  return {
    path: GRAPHQL_PATH,
    methods: ['GET', 'POST'],
    async answer(request, { caller }) {
      if (request.method === 'POST') return refuseMediaType(request) ?? (await execute(request, caller));
      const accept = request.headers.get('accept') ?? '';
      if (accept.includes('text/html')) return await showGraphiql(request);
      if (accept.includes('text/event-stream')) return await execute(request, caller);
      const message = 'Operations are sent by POST; GET is for browsers (GraphiQL) and for Accept: text/event-stream.';
      return refuse('METHOD_NOT_ALLOWED', message, { headers: { Allow: 'POST' } });
    },
  };

  async function execute(request: Request, caller: Caller): Promise<Response> {
    const response = await server.fetch(request, { caller });
    if (response.status === 406) return refuseAccept(request);
    // Yoga's "none" against compressing proxies is no registered coding, and some clients stumble over it.
    response.headers.delete('content-encoding');
    return response;
  }
}

/** JSON only: a web page cannot send it elsewhere without asking first, as it can with forms and plain text. */
function refuseMediaType(request: Request): Response | undefined {
  const [mediaType, ...parameters] = (request.headers.get('content-type') ?? '').toLowerCase().split(';');
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='));
  const isJson = mediaType?.trim() === 'application/json' && /^(charset="?utf-8"?)?$/.test(charset ?? '');
  const isPlain = (request.headers.get('content-encoding') ?? 'identity') === 'identity';
  if (isJson && isPlain) return undefined;
  return refuse(
    'UNSUPPORTED_MEDIA_TYPE',
    'Operations are sent as Content-Type: application/json, UTF-8, uncompressed.',
  );
}

function refuseAccept(request: Request): Response {
  const accept = request.headers.get('accept');
  const message =
    `Accept: ${accept} fits no answer to this operation: subscriptions are given as text/event-stream or over ` +
    'WebSocket, everything else as application/graphql-response+json or application/json.';
  return refuse('BAD_REQUEST', message, { status: 406 });
}

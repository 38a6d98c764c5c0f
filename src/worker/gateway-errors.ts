import { CloseCode } from 'graphql-ws';
import { GatewayRefusal, GatewayUnavailable } from './gateway-client.ts';

/** An answer as GraphQL defines it. */
export interface GraphQLResponse {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly GraphQLFault[];
}

interface GraphQLFault {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** Everything that is not listed (a database that is away, a fault of the gateway, too many requests) is asked again. */
const REFUSED: Readonly<Record<string, 'credentials' | 'request'>> = {
  UNAUTHENTICATED: 'credentials',
  FORBIDDEN: 'credentials',
  BAD_REQUEST: 'request',
  GRAPHQL_PARSE_FAILED: 'request',
  GRAPHQL_VALIDATION_FAILED: 'request',
  QUERY_TOO_COMPLEX: 'request',
  PAYLOAD_TOO_LARGE: 'request',
};

const REFUSED_BY_CLOSING: Readonly<Record<number, 'credentials' | 'request'>> = {
  [CloseCode.Unauthorized]: 'credentials',
  [CloseCode.Forbidden]: 'credentials',
  [CloseCode.SubprotocolNotAcceptable]: 'request',
};

/** Why an answer holds no data. */
export function toGatewayError(response: GraphQLResponse | undefined, asked: string): Error {
  return toErrorOfFaults(response?.errors ?? [], asked);
}

function toErrorOfFaults(faults: readonly GraphQLFault[], asked: string): Error {
  const message = faults.map((fault) => fault.message).join('; ') || `no answer to ${asked}`;
  for (const fault of faults) {
    const refused = REFUSED[String(fault.extensions?.code)];
    if (refused !== undefined) return new GatewayRefusal(refused, message);
  }
  return new GatewayUnavailable(message);
}

/** What graphql-ws hands to `error`: GraphQL errors, a close event, or an error of the socket. */
export function toGatewayErrorOfClosing(reason: unknown): Error {
  if (Array.isArray(reason)) return toErrorOfFaults(reason as GraphQLFault[], 'the operation');
  if (typeof reason !== 'object' || reason === null) return new GatewayUnavailable(String(reason));
  if ('code' in reason && typeof reason.code === 'number') {
    const text = 'reason' in reason && typeof reason.reason === 'string' ? reason.reason : '';
    const message = `the connection was closed (${reason.code}${text === '' ? '' : ` ${text}`})`;
    const refused = REFUSED_BY_CLOSING[reason.code];
    return refused === undefined ? new GatewayUnavailable(message) : new GatewayRefusal(refused, message);
  }
  const message = 'message' in reason ? String(reason.message) : 'the connection failed';
  return new GatewayUnavailable(message);
}

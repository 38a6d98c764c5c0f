import { randomUUID } from 'node:crypto';
import { GraphQLError, type GraphQLFormattedError, Kind } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Logger } from 'pino';
import { HTTP_STATUS, isRequestErrorCode, type RequestErrorCode } from './errors.ts';

export interface MaskingDeps {
  readonly logger: Logger;
  /** Whether a thrown error says that the database cannot be reached. */
  isDatabaseUnavailable(error: unknown): boolean;
}

export type ErrorMask = (error: unknown) => GraphQLError;

/**
 * Decides what a client may see of an error. One with a code of ours is meant for clients; so is what GraphQL itself
 * says about variables and arguments. Everything else could hold paths, SQL or secrets: it goes to the log in full, and
 * the client gets an id to find it by.
 */
export function createErrorMask({ logger, isDatabaseUnavailable }: MaskingDeps): ErrorMask {
  const shown = new WeakSet<GraphQLError>();

  function mask(error: unknown): GraphQLError {
    if (error instanceof GraphQLError && shown.has(error)) return error;
    const masked = describe(error);
    shown.add(masked);
    return masked;
  }

  function describe(error: unknown): GraphQLError {
    const cause = findCause(error);
    if (error instanceof GraphQLError && isRequestErrorCode(error.extensions.code)) {
      return publish(error, error.message, correctCode(error, error.extensions.code), { ...error.extensions });
    }
    if (isDatabaseUnavailable(cause)) {
      logger.warn({ err: cause }, 'The database cannot be reached');
      return publish(error, 'The gateway cannot reach its database; try again in a moment.', 'DATABASE_UNAVAILABLE');
    }
    if (error instanceof GraphQLError && isClientFault(error, cause)) {
      return publish(error, error.message, 'BAD_REQUEST');
    }
    const correlationId = randomUUID();
    logger.error({ err: cause, correlationId, path: pathOf(error) }, 'An operation failed unexpectedly');
    const message = `Something failed inside the gateway; its log has the details under ${correlationId}.`;
    return publish(error, message, 'INTERNAL_SERVER_ERROR', { correlationId });
  }

  return mask;
}

function publish(error: unknown, message: string, code: RequestErrorCode, extensions: object = {}): GraphQLError {
  const {
    nodes,
    source,
    positions,
    path,
    extensions: old,
  } = error instanceof GraphQLError ? error : new GraphQLError('');
  const headers: Record<string, string> = code === 'UNAUTHENTICATED' ? { 'WWW-Authenticate': 'Bearer' } : {};
  const http = { status: HTTP_STATUS[code], headers, ...readHttp(old) };
  return new GraphQLError(shorten(message), {
    nodes,
    source,
    positions,
    path,
    extensions: { ...extensions, code, http },
  });
}

/** GraphQL repeats a value that it cannot take, at any length. */
const MAX_MESSAGE_LENGTH = 1_000;

function shorten(message: string): string {
  return message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message;
}

/** Yoga calls a mutation by GET a BAD_REQUEST with status 405. */
function correctCode(error: GraphQLError, code: RequestErrorCode): RequestErrorCode {
  return readHttp(error.extensions)?.status === HTTP_STATUS.METHOD_NOT_ALLOWED ? 'METHOD_NOT_ALLOWED' : code;
}

function readHttp(extensions: GraphQLError['extensions']): { status?: number } | undefined {
  return extensions.http as { status?: number } | undefined;
}

/**
 * What is wrong with the request, in GraphQL's own words: a variable (a scalar's own error is beneath it), or without a
 * path, so before anything was executed, or pointing into the query, as an argument's does. Errors that resolvers and
 * sources throw do none of this.
 */
function isClientFault(error: GraphQLError, cause: unknown): boolean {
  if (error.nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION) return true;
  return cause instanceof GraphQLError && (error.path === undefined || cause.nodes !== undefined);
}

/** The error that was thrown first, beneath those that GraphQL wrapped around it. */
function findCause(error: unknown): unknown {
  let cause = error;
  while (cause instanceof GraphQLError && cause.originalError != null) cause = cause.originalError;
  return cause;
}

function pathOf(error: unknown): string | undefined {
  return error instanceof GraphQLError ? error.path?.join('.') : undefined;
}

/** An error as it goes over a WebSocket. Yoga takes its own notes (`extensions.http`) out of it only over HTTP. */
export function formatError(error: GraphQLError): GraphQLFormattedError {
  const { http: _, ...extensions } = error.extensions;
  return { ...error.toJSON(), extensions };
}

/** Codes and HTTP statuses where Yoga leaves them to chance. */
export function useErrorCodes(): Plugin {
  return {
    onParse: () => {
      // Yoga names syntax errors only over HTTP.
      return ({ result }) => {
        if (result instanceof GraphQLError) result.extensions.code ??= 'GRAPHQL_PARSE_FAILED';
      };
    },
    onExecutionResult({ result }) {
      // What came back in part is an answer: 200. Yoga would give it the status of its worst error.
      if (result === undefined || Symbol.asyncIterator in result || result.data == null || !result.errors) return;
      for (const error of result.errors) delete error.extensions.http;
    },
  };
}

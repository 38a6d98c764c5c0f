/**
 * What a request that fails as a whole is called, and the HTTP status that goes with it. Whatever a typed result can say
 * is said there and is no error here.
 */
// biome-ignore format: a table
export const HTTP_STATUS = {
  BAD_REQUEST:               400,
  GRAPHQL_PARSE_FAILED:      400,
  GRAPHQL_VALIDATION_FAILED: 400,
  QUERY_TOO_COMPLEX:         400,
  UNAUTHENTICATED:           401,
  FORBIDDEN:                 403,
  NOT_FOUND:                 404,
  METHOD_NOT_ALLOWED:        405,
  PAYLOAD_TOO_LARGE:         413,
  UNSUPPORTED_MEDIA_TYPE:    415,
  RATE_LIMITED:              429,
  INTERNAL_SERVER_ERROR:     500,
  DATABASE_UNAVAILABLE:      503,
} as const;

export type RequestErrorCode = keyof typeof HTTP_STATUS;

export function isRequestErrorCode(code: unknown): code is RequestErrorCode {
  return typeof code === 'string' && Object.hasOwn(HTTP_STATUS, code);
}

export interface RefusalOptions {
  /** Where the code's own status is not the right one. */
  readonly status?: number;
  readonly headers?: Record<string, string>;
}

/** An answer given before GraphQL is asked, in the shape of a GraphQL error, so that clients read one kind of error. */
export function refuse(code: RequestErrorCode, message: string, options: RefusalOptions = {}): Response {
  return Response.json(
    { errors: [{ message, extensions: { code } }] },
    { status: options.status ?? HTTP_STATUS[code], headers: options.headers },
  );
}

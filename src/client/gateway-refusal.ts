/** Codes of errors that pass: the same request is answered a little later. */
const PASSING = ['DATABASE_UNAVAILABLE', 'RATE_LIMITED'];

interface RefusedFor {
  readonly message: string;
  readonly extensions?: { readonly code?: unknown };
}

/** The gateway answered, and its answer is no. */
export class GatewayRefusal extends Error {
  readonly errors: readonly RefusedFor[];

  constructor(errors: readonly RefusedFor[]) {
    super(errors.map(({ message }) => message).join('\n'));
    this.errors = errors;
  }

  /** Whether the same request may be answered a little later. */
  get isPassing(): boolean {
    return this.errors.every(({ extensions }) => PASSING.includes(String(extensions?.code)));
  }
}

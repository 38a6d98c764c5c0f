/** Who asks, as far as the transport knows. The schema's context is made from it, once per operation. */
export interface Caller {
  /** The `Authorization` header; over WebSocket `connectionParams.authorization`. */
  readonly authorization: string | null;
  readonly remoteAddress: string | null;
  /**
   * Aborted as soon as waiting is pointless: the client is gone or has completed the operation, or the gateway shuts
   * down. Whatever holds an operation open (a worker's call, a quiet stream) should end it then.
   */
  readonly signal: AbortSignal;
}

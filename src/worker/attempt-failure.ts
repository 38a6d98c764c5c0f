import type { FailureKind } from '../domain/attempt-outcome.ts';

/** An attempt cannot be completed: what the gateway is told (contract: AttemptFailedInput). */
export class AttemptFailure extends Error {
  override name = 'AttemptFailure';
  readonly kind: FailureKind;
  readonly exitCode: number | undefined;

  constructor(kind: FailureKind, message: string, exitCode?: number) {
    super(message);
    this.kind = kind;
    this.exitCode = exitCode;
  }
}

/** The error code of a system call (`ENOENT`), undefined for any other error. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT']);

/**
 * Turns whatever was thrown into a failure that can be reported.
 * @param doing what was being done, in words that complete "…: it failed"
 */
export function toAttemptFailure(error: unknown, doing: string): AttemptFailure {
  if (error instanceof AttemptFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  const kind = NO_SPACE.has(errorCode(error) ?? '') ? 'DISK_FULL' : 'OTHER';
  return new AttemptFailure(kind, `${doing}: ${message}`);
}

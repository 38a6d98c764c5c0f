/** Connection failures, server shutdown and start, too many connections (SQLSTATE classes 08, 57P, 53). */
const FAULT_STATES = /^(08|57P|53)/;
const SYSTEM_FAULTS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOENT',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);
/** How Prisma names the same: it cannot reach the server, timed out, lost the connection, found no free one. */
const PRISMA_FAULTS = new Set(['P1001', 'P1002', 'P1017', 'P2024']);
const MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Cannot use a pool after calling end|Client has encountered a connection error)/;

/** Whether an error says that the database cannot be reached, rather than that something is wrong with a statement. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code && (FAULT_STATES.test(code) || PRISMA_FAULTS.has(code))) return true;
  // ENOENT of a file is no fault of the database: only connecting counts.
  if (code && SYSTEM_FAULTS.has(code))
    return syscall === undefined || syscall === 'connect' || syscall === 'read' || syscall === 'write';
  return MESSAGES.test(error.message);
}

/**
 * A fault that whoever starts the program can mend: a taken port, an unreachable database, a folder that cannot be
 * written. The command line prints its message as one line, without a stack trace, and ends with exit code 1.
 */
export class SetupError extends Error {
  override name = 'SetupError';
}

/**
 * What a command could not do and whoever typed it should know: told by its message alone, on stderr, with exit code 1.
 * The message may have several lines, each a whole one.
 */
export class CommandFailure extends Error {
  override name = 'CommandFailure';
}

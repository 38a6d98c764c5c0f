/** One thing that is wrong with an input: where, what was given, and what is allowed (contract: InputIssue). */
export interface InputIssue {
  /** From the input's fields, as `['settings', 'frames']`; list positions are written as numbers in text. */
  readonly path: readonly string[];
  readonly message: string;
  /** The offending value as it was given; left out when nothing was given. */
  readonly given?: unknown;
  readonly allowed?: string;
}

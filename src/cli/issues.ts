import { CommandFailure } from './command-failure.ts';
import { toPlainText } from './text.ts';

/** One thing that is wrong with an input. */
export interface Issue {
  readonly path: readonly string[];
  readonly message: string;
  readonly given: unknown;
  readonly allowed: string | null;
}

/** What a query asks for of an InvalidInputError. */
export const ISSUES = '... on InvalidInputError { issues { path message given allowed } }';

/** A line for each. */
export function failureOf(issues: readonly Issue[]): CommandFailure {
  return new CommandFailure(issues.map(formatIssue).join('\n'));
}

/** `settings.frames: "10-1" ends before it begins (given "10-1"; allowed frames such as 1-10)`. */
function formatIssue({ path, message, given, allowed }: Issue): string {
  const notes = [
    given === null || given === undefined ? [] : `given ${JSON.stringify(given)}`,
    allowed === null || allowed === undefined ? [] : `allowed ${allowed}`,
  ].flat();
  const note = notes.length === 0 ? '' : ` (${notes.join('; ')})`;
  return toPlainText(`${path.join('.')}: ${message.replace(/\.$/, '')}${note}`);
}

import { pathToFileURL } from 'node:url';

const MAX_MESSAGE_LENGTH = 1_000;

/** What was thrown in a file, as a sentence, and in which line of it; null where the stack does not say. */
export function placeOf(thrown: unknown, file: string): { readonly message: string; readonly line: number | null } {
  if (!(thrown instanceof Error))
    return { message: `It threw ${String(thrown)}`.slice(0, MAX_MESSAGE_LENGTH), line: null };
  const { name, message, stack = '' } = thrown;
  const text = name === 'Error' ? message : `${name}: ${message}`;
  return { message: text.slice(0, MAX_MESSAGE_LENGTH), line: findLine(String(stack), file) };
}

/** The first place in the file that a stack, or what `node --check` prints, names: `file:///a.mjs:12:5`, `/a.ts:12`. */
export function findLine(text: string, file: string): number | null {
  for (const spelling of [pathToFileURL(file).href, file]) {
    const at = text.indexOf(`${spelling}:`);
    const line = at < 0 ? undefined : /^\d+/.exec(text.slice(at + spelling.length + 1))?.[0];
    if (line !== undefined) return Number(line);
  }
  return null;
}

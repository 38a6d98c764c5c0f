/*
 * A log is whatever programs have printed. In the API it is text that does no harm where it is shown: line feed and tab
 * stay, a carriage return before a line feed goes, and every other control character (C0, DEL, C1) becomes a sign that one
 * can see. Terminals take orders from these characters; none of those reaches them. `/logs/ATTEMPT` has the bytes as they are.
 */

/** U+2400 and what follows it are pictures of the C0 characters, in their order. */
const PICTURES = 0x2400;
const DELETE_PICTURE = '\u2421';
/** C1 has no pictures. */
const REPLACEMENT = '\ufffd';
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const HARMFUL = /\r\n|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;

export function showHarmlessly(text: string): string {
  return text.replace(HARMFUL, (found) => {
    if (found === '\r\n') return '\n';
    const code = found.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(PICTURES + code);
    return code === 0x7f ? DELETE_PICTURE : REPLACEMENT;
  });
}

/**
 * How much of the bytes makes one piece of at most `length`: whole characters, at least one, and no carriage return at
 * the end whose line feed may follow.
 *
 * @param isEnd nothing follows these bytes, ever
 */
export function measurePiece(bytes: Buffer, length: number, isEnd: boolean): number {
  let end = Math.min(bytes.length, length);
  while (end > 0 && isInsideCharacter(bytes, end)) end -= 1;
  if (end === 0 && bytes.length > 0) end = endOfCharacter(bytes, 0);
  if (bytes[end - 1] !== CARRIAGE_RETURN) return end;
  // At the end of what there is, its line feed may still come.
  if (end === bytes.length) return isEnd ? end : end - 1;
  if (bytes[end] !== LINE_FEED) return end;
  return end > 1 ? end - 1 : end + 1;
}

function endOfCharacter(bytes: Buffer, start: number): number {
  let end = start + 1;
  while (end < bytes.length && isInsideCharacter(bytes, end)) end += 1;
  return end;
}

function isInsideCharacter(bytes: Buffer, at: number): boolean {
  return at < bytes.length && (bytes[at]! & 0xc0) === 0x80;
}

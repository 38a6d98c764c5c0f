/** C0, DEL, C1 and halves of surrogate pairs: what a terminal would take for a command, or not show. */
const UNSEEN = /[\p{Cc}\p{Cs}]/gu;

/** A text as a message repeats it: in quotes, not at any length, and with characters that cannot be seen spelled out. */
export function quote(text: string, most = 100): string {
  const shown = text.length > most ? `${text.slice(0, most)}…` : text;
  return `"${shown.replaceAll(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`;
}

import { StringDecoder } from 'node:string_decoder';

/** A line without end must not fill the memory; no line that anyone reads is longer. */
const LONGEST_LINE = 64 * 1024;

/**
 * Cuts a program's output into lines and picks out the events among them.
 * Bytes that are no UTF-8 become U+FFFD; a character that is split between two reads stays whole.
 */
export class LineReader {
  readonly #decoder = new StringDecoder('utf8');
  readonly #marker: string | undefined;
  readonly #onLine: (line: string) => void;
  readonly #onEvent: (event: string) => void;
  #rest = '';

  /** @param marker what an event begins with; it may stand behind the beginning of another line, which then goes on after it */
  constructor(onLine: (line: string) => void, marker?: string, onEvent: (event: string) => void = () => {}) {
    this.#onLine = onLine;
    this.#marker = marker;
    this.#onEvent = onEvent;
  }

  read(bytes: Buffer): void {
    this.#rest += this.#decoder.write(bytes);
    let begin = 0;
    for (let end = this.#rest.indexOf('\n'); end >= 0; end = this.#rest.indexOf('\n', begin)) {
      const line = this.#rest.slice(begin, end + 1);
      const event = this.#marker === undefined ? -1 : line.indexOf(this.#marker);
      if (event < 0) {
        begin = end + 1;
        this.#onLine(line);
      } else {
        this.#onEvent(line.slice(event + (this.#marker?.length ?? 0)));
        this.#rest = line.slice(0, event) + this.#rest.slice(end + 1);
        begin = 0;
      }
    }
    this.#rest = this.#rest.slice(begin);
    if (this.#rest.length > LONGEST_LINE) this.flush();
  }

  /** Gives out what has no line end yet. */
  flush(): void {
    if (this.#rest !== '') this.#onLine(this.#rest);
    this.#rest = '';
  }
}

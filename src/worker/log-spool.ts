import { type FileHandle, open, rm } from 'node:fs/promises';

/** What one attempt may put on the worker's disk; the gateway's own limit is 10 MB unless it was raised. */
const SPOOL_BYTES = 32 * 1024 * 1024;
/** What may wait for the disk in memory before the program has to wait. */
const WAITING_BYTES = 1024 * 1024;
const TAIL_LINES = 20;
const TAIL_CHARACTERS = 4000;
const FAULT_LINES = 5;
const LONGEST_TAIL_LINE = 500;

/** Lines in which Blender says what went wrong; a render can go wrong without any other sign. */
const FAULT = /\b(error|failed|cannot|can't|could not|unable to|no space left|out of memory)\b/i;

export interface SpoolLimits {
  readonly spoolBytes?: number;
  readonly waitingBytes?: number;
}

/**
 * The log of one attempt: a file from which it is uploaded, however slow that is, and its last lines for the report.
 * When the file is full, what comes then is counted and left out, but for the last lines.
 */
export class LogSpool {
  readonly path: string;
  readonly #spoolBytes: number;
  readonly #waitingBytes: number;
  #file: Promise<FileHandle> | undefined;
  #waiting: Buffer[] = [];
  #waitingSize = 0;
  #writing: Promise<void> | undefined;
  #size = 0;
  #accepted = 0;
  #leftOut = 0;
  #ended = false;
  #diskFault: Error | undefined;
  #tail: string[] = [];
  #faults: string[] = [];
  #onGrowth: () => void = () => {};

  constructor(path: string, limits: SpoolLimits = {}) {
    this.path = path;
    this.#spoolBytes = limits.spoolBytes ?? SPOOL_BYTES;
    this.#waitingBytes = limits.waitingBytes ?? WAITING_BYTES;
  }

  /** Bytes that lie in the file. */
  get size(): number {
    return this.#size;
  }

  /** Nothing comes any more, and all that came is in the file. */
  get isComplete(): boolean {
    return this.#ended && this.#writing === undefined;
  }

  /** Called whenever the file has grown, or is complete. */
  set onGrowth(callback: () => void) {
    this.#onGrowth = callback;
  }

  /** @returns false when the disk is behind: wait for `drained` before the next write */
  write(text: string): boolean {
    this.#remember(text);
    const bytes = Buffer.from(text);
    if (this.#leftOut > 0 || this.#accepted + bytes.length > this.#spoolBytes || this.#diskFault !== undefined) {
      this.#leftOut += bytes.length;
      return true;
    }
    this.#enqueue(bytes);
    return this.#waitingSize < this.#waitingBytes;
  }

  /** Settles when everything that came so far lies in the file. */
  async drained(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  /** Nothing comes any more: marks what was left out. */
  async end(): Promise<void> {
    if (!this.#ended && this.#leftOut > 0) {
      this.#enqueue(
        Buffer.from(`\ntablao: ${this.#leftOut} bytes of log were left out; the last lines:\n${this.tail()}\n`),
      );
    }
    this.#ended = true;
    await this.drained();
    this.#onGrowth();
  }

  async read(offset: number, length: number): Promise<Buffer> {
    if (this.#file === undefined) return Buffer.alloc(0);
    const { buffer, bytesRead } = await (await this.#file).read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  }

  async remove(): Promise<void> {
    await this.end();
    const file = await this.#file?.catch(() => undefined);
    this.#file = undefined;
    await file?.close();
    await rm(this.path, { force: true });
  }

  /** The last lines, for the message of a failure. */
  tail(): string {
    return this.#tail.join('\n').slice(-TAIL_CHARACTERS);
  }

  /** The last lines that speak of an error. */
  faults(): readonly string[] {
    return this.#faults;
  }

  #remember(text: string): void {
    for (const line of text.split('\n')) {
      const short = line.trim().slice(0, LONGEST_TAIL_LINE);
      if (short === '') continue;
      keepLast(this.#tail, short, TAIL_LINES);
      if (FAULT.test(short)) keepLast(this.#faults, short, FAULT_LINES);
    }
  }

  #enqueue(bytes: Buffer): void {
    this.#accepted += bytes.length;
    this.#waiting.push(bytes);
    this.#waitingSize += bytes.length;
    this.#writing ??= this.#writeWaiting();
  }

  async #writeWaiting(): Promise<void> {
    try {
      this.#file ??= open(this.path, 'w+', 0o600);
      const file = await this.#file;
      while (this.#waiting.length > 0) {
        const bytes = Buffer.concat(this.#waiting);
        this.#waiting = [];
        await file.write(bytes, 0, bytes.length, this.#size);
        this.#size += bytes.length;
        this.#waitingSize -= bytes.length;
        this.#onGrowth();
      }
    } catch (error) {
      this.#diskFault = error as Error; // a log is not worth a render: it is counted as left out
      this.#waiting = [];
      this.#waitingSize = 0;
    } finally {
      this.#writing = undefined;
    }
  }
}

function keepLast(lines: string[], line: string, count: number): void {
  lines.push(line);
  if (lines.length > count) lines.shift();
}

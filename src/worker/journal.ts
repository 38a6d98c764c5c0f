import { closeSync, existsSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { z } from 'zod';
import type { AttemptReport } from './gateway-client.ts';

const Line = z.union([
  z.object({
    report: z.object({
      attemptToken: z.string(),
      sequence: z.number(),
      at: z.string(),
      event: z.record(z.string(), z.unknown()),
    }),
  }),
  z.object({ delivered: z.string() }),
]);

/**
 * The end reports that the gateway has not taken yet, on disk: an attempt's result must outlive the worker and any
 * outage. One JSON object a line; a line that a crash tore is no line.
 */
export class Journal {
  readonly #file: number;
  readonly #pending = new Map<string, AttemptReport>();

  constructor(path: string) {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    for (const line of text.split('\n')) this.#replay(line);
    this.#file = openSync(path, 'a', 0o600);
    // what a torn line left must not become the beginning of the next one
    if (text !== '' && !text.endsWith('\n')) writeSync(this.#file, '\n');
    this.#shorten();
  }

  /** In the order in which the attempts ended. */
  get pending(): readonly AttemptReport[] {
    return [...this.#pending.values()];
  }

  /**
   * On disk when it returns. Some milliseconds at most, once per attempt, so it may block.
   * @throws when the disk refuses; the report is then pending in memory only
   */
  add(report: AttemptReport): void {
    this.#pending.set(report.attemptToken, report);
    writeSync(this.#file, `${JSON.stringify({ report })}\n`);
    fdatasyncSync(this.#file);
  }

  /** Not forced to disk, and a disk that refuses it does no harm: a report that is delivered twice is taken once. */
  markDelivered(attemptToken: string): void {
    if (!this.#pending.delete(attemptToken)) return;
    try {
      writeSync(this.#file, `${JSON.stringify({ delivered: attemptToken })}\n`);
      this.#shorten();
    } catch {
      // full, or closed already
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #replay(line: string): void {
    const entry = Line.safeParse(parse(line)).data;
    if (entry === undefined) return;
    if ('delivered' in entry) this.#pending.delete(entry.delivered);
    else this.#pending.set(entry.report.attemptToken, entry.report as unknown as AttemptReport);
  }

  #shorten(): void {
    if (this.#pending.size === 0) ftruncateSync(this.#file, 0);
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

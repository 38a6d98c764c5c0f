import { open, rename } from 'node:fs/promises';
import type { FrameFormat } from '../domain/output-path.ts';
import { toAttemptFailure } from './attempt-failure.ts';
import { verifyFile } from './frame-file.ts';
import type { Output } from './gateway-client.ts';

export interface Finished {
  /** In the attempt's folder. */
  readonly from: string;
  /** Where it belongs; the same file system. */
  readonly to: string;
  readonly format: FrameFormat | 'MP4';
  readonly frame?: number;
  readonly renderSeconds?: number;
}

/** Puts finished files into place, one after the other: verified, and only while the attempt may (move-gate.ts). */
export class OutputMover {
  readonly #untilMayMove: () => Promise<void>;
  readonly #onMoved: (output: Output) => void | Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  readonly #outputs: Output[] = [];
  #moving: Promise<void> = Promise.resolve();

  /**
   * @param untilMayMove settles when a file may be put into place; rejects when none ever will
   * @param onFailure called once, at the first file that cannot; no later one is moved
   * @param onMoved called for each file that is in its place; the next one waits for it
   */
  constructor(
    untilMayMove: () => Promise<void>,
    onFailure: (error: unknown) => void,
    onMoved: (output: Output) => void | Promise<void> = () => {},
  ) {
    this.#untilMayMove = untilMayMove;
    this.#onFailure = onFailure;
    this.#onMoved = onMoved;
  }

  add(finished: Finished): void {
    const before = this.#moving;
    this.#moving = before.then(() =>
      this.#move(finished).catch((error) => {
        this.#onFailure(error);
        throw error;
      }),
    );
    this.#moving.catch(() => {}); // `finish` tells
  }

  /** @returns what was put into place. @throws the first failure: AttemptFailure NO_FRAME, BAD_FRAME, DISK_FULL, … */
  async finish(): Promise<readonly Output[]> {
    await this.#moving;
    return this.#outputs;
  }

  async #move({ from, to, format, frame, renderSeconds }: Finished): Promise<void> {
    const bytes = await verifyFile(from, format);
    await flush(from);
    await this.#untilMayMove();
    try {
      await rename(from, to);
    } catch (error) {
      throw toAttemptFailure(error, `"${to}" cannot be put into place`);
    }
    const output = { frame, path: to, bytes, renderSeconds };
    this.#outputs.push(output);
    await this.#onMoved(output);
  }
}

/** A completed frame must survive a power cut: without this a rename can outlive the bytes. */
async function flush(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.datasync();
  } catch (error) {
    throw toAttemptFailure(error, `"${path}" cannot be written to the disk`);
  } finally {
    await file.close();
  }
}

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { killGroup } from '../../src/worker/process-group.ts';
import type { TestBlender } from '../../test/support/blenders.ts';
import type { Display } from './display.ts';

const MARK = '@driven ';
/** Without a graphics card a first window takes long: it compiles its shaders. */
const ANSWER_MS = 120_000;

export interface WindowOptions {
  readonly environment: Readonly<Record<string, string>>;
  readonly options?: readonly string[];
  /** Opened at the start. */
  readonly file?: string;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A Blender with a real window that covers a display. */
export class BlenderWindow {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #printed: string[] = [];
  #orders = 0;

  static open(blender: TestBlender, display: Display, { environment, options = [], file }: WindowOptions) {
    const isNew = Number.parseInt(blender.version, 10) >= 4;
    const child = spawn(
      blender.program,
      [
        ...['--window-geometry', '0', '0', String(display.width), String(display.height)],
        ...(isNew ? ['--gpu-backend', 'opengl'] : []),
        '-noaudio',
        ...options,
        ...(file === undefined ? [] : [file]),
        ...['--python', join(import.meta.dirname, 'drive.py')],
      ],
      {
        env: { ...process.env, ...environment, DISPLAY: display.name },
        stdio: ['pipe', 'pipe', 'inherit'],
        detached: true,
      },
    );
    return new BlenderWindow(child);
  }

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    child.stdin.on('error', () => {}); // it ended: every order that waits is told
    createInterface(child.stdout).on('line', (line) => this.#take(line));
    child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`Blender ended:\n${this.printed()}`));
    });
  }

  /** What Blender has printed beside answers. */
  printed(): string {
    return this.#printed.join('\n');
  }

  /**
   * Runs Python on Blender's main thread; drive.py says what it finds there.
   * @returns what it assigned to `result`
   */
  async run<Result = unknown>(python: string): Promise<Result> {
    const id = ++this.#orders;
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#child.stdin.write(`${JSON.stringify({ id, python })}\n`);
    const timer = setTimeout(
      () => this.#waiting.get(id)?.reject(new Error(`Blender did not answer:\n${python}\n${this.printed()}`)),
      ANSWER_MS,
    );
    try {
      return (await answer) as Result;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  /** Runs Python again and again until its `result` is true. */
  async until(python: string): Promise<void> {
    const end = performance.now() + ANSWER_MS;
    while (!(await this.run<boolean>(python))) {
      if (performance.now() > end) throw new Error(`In two minutes this did not become true:\n${python}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async close(): Promise<void> {
    const { pid, exitCode } = this.#child;
    if (pid === undefined || exitCode !== null) return;
    this.#child.stdin.end();
    await killGroup(pid, 5_000);
  }

  #take(line: string): void {
    if (!line.startsWith(MARK)) {
      this.#printed.push(line);
      return;
    }
    const { id, result, error } = JSON.parse(line.slice(MARK.length));
    const waiting = this.#waiting.get(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }
}

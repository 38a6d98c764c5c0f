import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { killGroup } from '../../src/worker/process-group.ts';
import type { TestBlender } from './blenders.ts';
import { hasExtensions } from './install-addon.ts';

const MARK = '@session ';
const SCRIPT = join(import.meta.dirname, 'blender-session.py');
const ADDON = resolve(import.meta.dirname, '../../blender-addon/tablao');
/** What a test waits for inside Blender has a limit of its own. */
const ANSWER_MS = 150_000;
const QUIT_MS = 20_000;

export interface SessionOptions {
  readonly gateway: string;
  readonly submitter?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Opened before the add-on is enabled. */
  readonly file?: string;
}

export interface SessionEnd {
  readonly exitCode: number | null;
  /** All that was printed, but for the answers. */
  readonly printed: string;
  /** From the end of its orders to the end of the process. */
  readonly quitMs: number;
}

/** A Blender that a test talks to while it runs. It has no window; blender-session.py says what orders find in it. */
export class BlenderSession {
  readonly #child;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  readonly #ended: Promise<number | null>;
  #printed = '';
  #orders = 0;

  /**
   * Resolves when the add-on is enabled.
   * @param folder for Blender's preferences, and for what the add-on keeps
   */
  static async open(blender: TestBlender, folder: string, options: SessionOptions): Promise<BlenderSession> {
    const session = new BlenderSession(blender, folder, options);
    await session.#answer(0);
    return session;
  }

  private constructor(
    blender: TestBlender,
    folder: string,
    { gateway, submitter = 'ada', environment, file }: SessionOptions,
  ) {
    const addons = join(folder, 'scripts', 'addons');
    mkdirSync(addons, { recursive: true });
    if (!existsSync(join(addons, 'tablao'))) symlinkSync(ADDON, join(addons, 'tablao'));
    const args = [
      ...['--background', '--factory-startup', '--python-exit-code', '1'],
      ...(hasExtensions(blender) ? ['--online-mode'] : []),
      ...(file === undefined ? [] : [file]),
      ...['--python', SCRIPT, '--', gateway, submitter],
    ];
    this.#child = spawn(blender.program, args, {
      env: {
        ...process.env,
        BLENDER_USER_RESOURCES: folder,
        BLENDER_USER_CONFIG: join(folder, 'config'),
        ...environment,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.#child.stdin.on('error', () => {}); // it ended: every order that waits is told
    createInterface(this.#child.stdout).on('line', (line) => this.#take(line));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#printed += text;
    });
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve));
    void this.#ended.then(() => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`Blender ended:\n${this.#printed}`));
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Runs Python, and gives what it assigned to `result`. */
  async run<Result = unknown>(python: string): Promise<Result> {
    const id = ++this.#orders;
    const answer = this.#answer(id);
    this.#child.stdin.write(`${JSON.stringify({ id, python })}\n`);
    return (await answer) as Result;
  }

  /** Ticks until a Python expression is true. */
  async until(expression: string): Promise<void> {
    await this.run(`until(lambda: ${expression})`);
  }

  /** Lets Blender quit, as when its last file is done. */
  async quit(): Promise<SessionEnd> {
    const begun = performance.now();
    this.#child.stdin.end();
    const timer = setTimeout(() => void this.kill(), QUIT_MS);
    const exitCode = await this.#ended;
    clearTimeout(timer);
    return { exitCode, printed: this.#printed, quitMs: performance.now() - begun };
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await killGroup(this.pid);
    await this.#ended;
  }

  #answer(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Blender did not answer:\n${this.#printed}`)), ANSWER_MS);
      const settle = () => {
        clearTimeout(timer);
        this.#waiting.delete(id);
      };
      this.#waiting.set(id, {
        resolve: (result) => {
          settle();
          resolve(result);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
    });
  }

  #take(line: string): void {
    if (!line.startsWith(MARK)) {
      this.#printed += `${line}\n`;
      return;
    }
    const { id, result, error } = JSON.parse(line.slice(MARK.length));
    const waiting = this.#waiting.get(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(`${error}\n${this.#printed}`));
  }
}

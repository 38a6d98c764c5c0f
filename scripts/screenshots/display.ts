import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFile, rename } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TOOL_MS = 20_000;
/** A window that goes on changing (a running job) is taken as it is after this long. */
const STILL_MS = 10_000;
const PAUSE_MS = 250;

/** In pixels, from the screen's upper left corner. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A screen that nobody sees. Needs Xvfb, xdotool and ImageMagick (Debian: apt-get install xvfb xdotool imagemagick). */
export class Display {
  readonly width: number;
  readonly height: number;
  /** As X calls it: `:7`. */
  readonly name: string;
  readonly #server: ChildProcess;

  static async open(width: number, height: number): Promise<Display> {
    const server = spawn(
      'Xvfb',
      ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp', '-noreset'],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] },
    );
    const number = await new Promise<string>((resolve, reject) => {
      server.once('error', reject);
      server.once('exit', () => reject(new Error('Xvfb ended at once.')));
      server.stdio[3]!.once('data', (bytes: Buffer) => resolve(bytes.toString().trim()));
    });
    return new Display(width, height, `:${number}`, server);
  }

  private constructor(width: number, height: number, name: string, server: ChildProcess) {
    this.width = width;
    this.height = height;
    this.name = name;
    this.#server = server;
  }

  /** Waits until the screen stands still, and takes a picture of a part of it. */
  async shoot(path: string, part: Rectangle): Promise<void> {
    let before = await this.#take(path, part);
    for (let waited = 0; waited < STILL_MS; waited += PAUSE_MS) {
      await sleep(PAUSE_MS);
      const now = await this.#take(path, part);
      if (now.equals(before)) return;
      before = now;
    }
  }

  /** One picture, as the screen is at this moment. */
  async snap(path: string, part: Rectangle): Promise<void> {
    await this.#take(path, part);
  }

  async #take(path: string, { x, y, width, height }: Rectangle): Promise<Buffer> {
    const draft = `${path}.new.png`;
    const crop = `${width}x${height}+${x}+${y}`;
    await run('import', ['-display', this.name, '-window', 'root', '-crop', crop, '+repage', '-strip', draft], {
      timeout: TOOL_MS,
    });
    await rename(draft, path);
    return await readFile(path);
  }

  async click(x: number, y: number, ...modifiers: readonly string[]): Promise<void> {
    await this.#input('mousemove', String(x), String(y));
    await sleep(PAUSE_MS); // Blender highlights a button before it can be pressed
    for (const key of modifiers) await this.#input('keydown', key);
    await this.#input('click', '1');
    for (const key of modifiers) await this.#input('keyup', key);
    await sleep(PAUSE_MS);
  }

  async move(x: number, y: number): Promise<void> {
    await this.#input('mousemove', String(x), String(y));
    await sleep(PAUSE_MS);
  }

  async key(...keys: readonly string[]): Promise<void> {
    await this.#input('key', '--delay', '60', ...keys);
    await sleep(PAUSE_MS);
  }

  async type(text: string): Promise<void> {
    await this.#input('type', '--delay', '30', text);
    await sleep(PAUSE_MS);
  }

  async #input(...args: readonly string[]): Promise<void> {
    await run('xdotool', args, { timeout: TOOL_MS, env: { ...process.env, DISPLAY: this.name } });
  }

  close(): void {
    this.#server.kill();
  }
}

import type { CyclesDevice } from '../domain/worker-device.ts';
import type { AttemptFailure } from './attempt-failure.ts';
import { BlenderProcess, programNotFound } from './blender-process.ts';
import { chooseBlender, installedOf } from './blenders.ts';
import type { FoundBlender } from './find-blender.ts';

/** Another chunk of the same job comes within seconds; memory is not held for longer than a coffee takes to order. */
const IDLE_MS = 60_000;

export interface BlenderPoolOptions {
  /** Those that were found, in the order of the worker's owner, and why the others were not. */
  readonly blenders: readonly FoundBlender[];
  /** What Cycles renders on; without it what the user's preferences say. */
  readonly cyclesDevice?: CyclesDevice;
  /** Scripts inside .blend files run only where whoever runs the worker allows it. */
  readonly allowAutoexec: boolean;
  readonly cwd: string;
  readonly recordFolder: string;
  readonly idleMs?: number;
}

interface Idle {
  readonly key: string;
  readonly process: BlenderProcess;
  readonly timer: NodeJS.Timeout;
}

/**
 * Keeps Blender open between chunks of the same file and settings: starting it and reading the scene again costs more
 * than a short frame. Another file, a failure, a stop, a minute of idleness ends it.
 */
export class BlenderPool {
  readonly #options: BlenderPoolOptions;
  #idle: Idle | undefined;
  #inUse = new Set<BlenderProcess>();

  constructor(options: BlenderPoolOptions) {
    this.#options = options;
  }

  /**
   * Lends a Blender that has this file open in this state, or a new one.
   * @param key all that decides about the state that it is in; undefined: a new one that is ended afterwards
   * @param version of Blender, as `5.2` or `5.2.1`; undefined: the first one of this worker. Part of the key
   * @param use is told whether the process is new; when it throws, Blender is ended
   * @throws AttemptFailure PROGRAM_NOT_FOUND, and whatever `use` throws
   */
  async withRenderer<Result>(
    key: string | undefined,
    version: string | undefined,
    use: (blender: BlenderProcess, isNew: boolean) => Promise<Result>,
  ): Promise<Result> {
    const kept = await this.#takeIdle(key);
    const blender = kept ?? (await this.#startRenderer(version));
    return await this.#lend(blender, key, () => use(blender, kept === undefined));
  }

  /** Lends a new Blender for making a video. */
  async withEncoder<Result>(use: (blender: BlenderProcess) => Promise<Result>): Promise<Result> {
    // our own script needs nothing of the user's set-up
    const blender = await this.#start(undefined, 'video.py', ['--factory-startup', '--disable-autoexec']);
    return await this.#lend(blender, undefined, () => use(blender));
  }

  get cyclesDevice(): CyclesDevice | undefined {
    return this.#options.cyclesDevice;
  }

  /** Ends every Blender of this pool. */
  async close(): Promise<void> {
    const idle = this.#idle;
    this.#forgetIdle();
    await Promise.all([...this.#inUse, ...(idle === undefined ? [] : [idle.process])].map((blender) => blender.kill()));
  }

  async #lend<Result>(blender: BlenderProcess, key: string | undefined, use: () => Promise<Result>): Promise<Result> {
    this.#inUse.add(blender);
    let isUsable = false;
    try {
      const result = await use();
      isUsable = key !== undefined && !blender.hasEnded;
      return result;
    } finally {
      if (isUsable && key !== undefined) this.#keep(key, blender);
      else await blender.kill();
      this.#inUse.delete(blender);
    }
  }

  async #takeIdle(key: string | undefined): Promise<BlenderProcess | undefined> {
    const idle = this.#idle;
    if (idle === undefined) return undefined;
    this.#forgetIdle();
    if (idle.key === key && !idle.process.hasEnded) return idle.process;
    await idle.process.kill();
    return undefined;
  }

  #keep(key: string, blender: BlenderProcess): void {
    void this.#idle?.process.kill();
    this.#forgetIdle();
    const timer = setTimeout(() => {
      this.#forgetIdle();
      void blender.kill();
    }, this.#options.idleMs ?? IDLE_MS);
    this.#idle = { key, process: blender, timer: timer.unref() };
  }

  #forgetIdle(): void {
    clearTimeout(this.#idle?.timer);
    this.#idle = undefined;
  }

  /**
   * With the user's own preferences: they name the GPUs that Cycles uses, and the add-ons that are render engines. A
   * worker that wants neither runs with a BLENDER_USER_CONFIG of its own.
   */
  #startRenderer(version: string | undefined): Promise<BlenderProcess> {
    return this.#start(version, 'render.py', [
      this.#options.allowAutoexec ? '--enable-autoexec' : '--disable-autoexec',
    ]);
  }

  async #start(
    version: string | undefined,
    script: 'render.py' | 'video.py',
    options: readonly string[],
  ): Promise<BlenderProcess> {
    const { blenders, cwd, recordFolder } = this.#options;
    const blender = chooseBlender(blenders, version);
    if (blender === undefined) throw noBlender(version, blenders);
    const all = [...options, ...renderLogOptions(blender.version)];
    return await BlenderProcess.start({ program: blender.program, script, options: all, cwd, recordFolder });
  }
}

function noBlender(version: string | undefined, blenders: readonly FoundBlender[]): AttemptFailure {
  const versions = installedOf(blenders).map((found) => found.version);
  if (version === undefined || versions.length === 0)
    return programNotFound(blenders.flatMap((found) => ('missing' in found ? found.missing : [])).join(', '));
  return programNotFound(`this worker has ${versions.join(', ')}, and the task needs ${version}`);
}

/** From 5.0 on Blender tells samples and tiles unasked only when it renders by `-f` or `-a`. */
function renderLogOptions(version: string): readonly string[] {
  return Number.parseInt(version, 10) >= 5 ? ['--log', 'render', '--log-level', 'info'] : [];
}

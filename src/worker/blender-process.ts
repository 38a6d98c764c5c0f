import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { FAILURE_KINDS, type FailureKind } from '../domain/attempt-outcome.ts';
import { AttemptFailure, errorCode } from './attempt-failure.ts';
import { LineReader } from './line-reader.ts';
import { type ProcessGroup, type ProgramEnd, startGroup } from './process-group.ts';
import { cleanEnvironment } from './program-environment.ts';

const SCRIPTS = join(import.meta.dirname, 'blender');
/** Tells a Python error at the script's own start from other ends. */
const SCRIPT_EXIT_CODE = 73;
/** Both streams say the end of an order; whoever closed one of them does not hold up the other for longer. */
const OTHER_STREAM_MS = 500;

const Event = z.discriminatedUnion('event', [
  z.object({ event: z.literal('rendering'), frame: z.number() }),
  z.object({ event: z.literal('saved'), frame: z.number(), seconds: z.number() }),
  z.object({ event: z.literal('encoded'), count: z.number() }),
  z.object({
    event: z.literal('failed'),
    kind: z.enum(Object.keys(FAILURE_KINDS) as [FailureKind, ...FailureKind[]]),
    message: z.string(),
  }),
  z.object({ event: z.literal('end') }),
]);
export type BlenderEvent = z.infer<typeof Event>;

export interface BlenderStart {
  readonly program: string;
  readonly script: 'render.py' | 'video.py';
  /** Command line options beside those that every start has. */
  readonly options: readonly string[];
  readonly cwd: string;
  /** Where running programs are recorded (state directory). */
  readonly recordFolder: string;
}

/** Where an order's output goes: false from `write` asks to wait for `drained`. */
export interface OutputLog {
  write(text: string): boolean;
  drained(): Promise<void>;
}

export interface OrderListener {
  readonly log: OutputLog;
  readonly onEvent: (event: BlenderEvent) => void;
  readonly onLine?: (line: string) => void;
}

interface CurrentOrder extends OrderListener {
  failure: AttemptFailure | undefined;
  /** What Blender is doing, should it end now. */
  doing: string;
  endsToCome: number;
  settle(): void;
}

/** A running Blender that takes orders, one after the other, from our script inside it. */
export class BlenderProcess {
  readonly #group: ProcessGroup;
  readonly #marker: string;
  #order: CurrentOrder | undefined;
  #end: ProgramEnd | undefined;

  /** @throws AttemptFailure PROGRAM_NOT_FOUND */
  static async start(start: BlenderStart): Promise<BlenderProcess> {
    const group = startGroup({
      program: start.program,
      args: [
        '--background',
        ...start.options,
        '--python-exit-code',
        String(SCRIPT_EXIT_CODE),
        '--python',
        join(SCRIPTS, start.script),
      ],
      cwd: start.cwd,
      environment: cleanEnvironment(),
      recordFolder: start.recordFolder,
    });
    if (group.pid === undefined) throw cannotStart(start.program, (await group.ended).startError);
    return new BlenderProcess(group);
  }

  private constructor(group: ProcessGroup) {
    this.#group = group;
    this.#marker = `@tablao-${randomBytes(16).toString('hex')} `;
    for (const stream of [group.stdout, group.stderr]) this.#listen(stream);
    this.#send({ marker: this.#marker, ownGroup: process.platform !== 'win32' });
    void group.ended.then((end) => {
      this.#end = end;
      this.#order?.settle();
    });
  }

  get pid(): number | undefined {
    return this.#group.pid;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Settles when Blender has ended, however. */
  get ended(): Promise<void> {
    return this.#group.ended.then(() => {});
  }

  /**
   * Carries out one order. When the signal aborts, Blender and all its children are ended first.
   * @throws AttemptFailure when Blender reports one or ends; the signal's reason
   */
  async run(order: object, listener: OrderListener, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const settled = new Promise<void>((settle) => {
      this.#order = { ...listener, failure: undefined, doing: 'before it was done', endsToCome: 2, settle };
    });
    const current = this.#order!;
    const onAbort = () => void this.kill();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (!this.hasEnded) {
        this.#send(order);
        await settled;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    if (signal.aborted) await this.kill();
    this.#order = undefined;
    await listener.log.drained();
    signal.throwIfAborted();
    if (current.failure !== undefined) throw current.failure;
    if (this.#end !== undefined) throw endedTooEarly(this.#end, current.doing);
  }

  kill(): Promise<void> {
    return this.#group.kill();
  }

  #send(order: object): void {
    this.#group.stdin.write(`${JSON.stringify(order)}\n`);
  }

  #listen(stream: NodeJS.ReadableStream): void {
    const reader = new LineReader(
      (line) => {
        const order = this.#order;
        if (order === undefined) return; // between two orders nobody reads it
        order.onLine?.(line);
        if (!order.log.write(line)) {
          stream.pause();
          void order.log.drained().then(() => stream.resume());
        }
      },
      this.#marker,
      (event) => this.#take(event),
    );
    stream.on('data', (bytes: Buffer) => reader.read(bytes));
    stream.on('end', () => reader.flush());
    stream.on('error', () => {}); // `ended` tells
  }

  #take(json: string): void {
    const order = this.#order;
    const event = parseEvent(json);
    if (order === undefined || event === undefined) return;
    if (event.event === 'failed') order.failure = new AttemptFailure(event.kind, event.message);
    else if (event.event !== 'end') {
      if (event.event === 'rendering') order.doing = `while it rendered frame ${event.frame}`;
      order.onEvent(event);
    } else {
      order.endsToCome -= 1;
      if (order.endsToCome === 0) order.settle();
      else setTimeout(order.settle, OTHER_STREAM_MS).unref();
    }
  }
}

function parseEvent(json: string): BlenderEvent | undefined {
  try {
    return Event.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

function cannotStart(program: string, error: Error | undefined): AttemptFailure {
  const code = errorCode(error);
  if (code === 'ENOENT') return programNotFound(`"${program}" is not there`);
  if (code === 'EACCES') return programNotFound(`"${program}" may not be executed`);
  return new AttemptFailure('OTHER', `Blender ("${program}") could not be started: ${error?.message}`);
}

/** @param why the beginning of a sentence */
export function programNotFound(why: string): AttemptFailure {
  const remedy = 'Install Blender on this worker, or start the worker with --blender PATH.';
  return new AttemptFailure('PROGRAM_NOT_FOUND', `Blender was not found: ${why}. ${remedy}`);
}

function endedTooEarly({ exitCode, signal }: ProgramEnd, doing: string): AttemptFailure {
  if (exitCode === SCRIPT_EXIT_CODE) {
    return new AttemptFailure('SCRIPT_ERROR', 'The script that drives Blender could not run.', exitCode);
  }
  if (exitCode !== null) {
    return new AttemptFailure('EXIT_CODE', `Blender ended with exit code ${exitCode} ${doing}.`, exitCode);
  }
  const hint = signal === 'SIGKILL' ? ' (the system does that when memory runs out)' : '';
  return new AttemptFailure('EXIT_CODE', `Blender was ended by ${signal}${hint} ${doing}.`);
}

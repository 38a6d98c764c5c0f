import { extname, join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { ThreadAnswer, ThreadRequest } from './thread-messages.ts';

/** What a thread may take. */
export interface ThreadLimits {
  /** For importing the module and compiling a job together. */
  readonly timeoutMs: number;
  readonly memoryMb: number;
}

/** A job of 100,000 tasks compiles in about a second and 200 MB. */
export const DEFAULT_LIMITS: ThreadLimits = { timeoutMs: 10_000, memoryMb: 512 };

const THREAD = join(import.meta.dirname, `thread${extname(import.meta.filename)}`);
/** What V8 limits is its own heap; buffers lie outside it, and are looked at this often. */
const LOOK_MS = 50;
const MAX_OUTPUT = 10_000;

export interface ThreadEnd {
  readonly answer: ThreadAnswer;
  /** What it printed, for the author. */
  readonly output: string;
}

/** Runs a module in a thread of its own, which sees no environment and is gone afterwards. Never rejects. */
export function runThread(request: ThreadRequest, limits: ThreadLimits, signal?: AbortSignal): Promise<ThreadEnd> {
  const { timeoutMs, memoryMb } = limits;
  // Not the thread's own port: what a module might send there is no answer.
  const { port1: port, port2 } = new MessageChannel();
  const thread = new Worker(THREAD, {
    workerData: { ...request, port: port2 },
    transferList: [port2],
    env: {},
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: 64 },
  });
  let output = '';
  for (const stream of [thread.stdout, thread.stderr])
    stream.on('data', (text: Buffer) => {
      output = (output + String(text)).slice(0, MAX_OUTPUT);
    });
  return new Promise((resolve) => {
    let hasEnded = false;
    const end = (answer: ThreadAnswer) => {
      if (hasEnded) return;
      hasEnded = true;
      port.close();
      clearTimeout(timer);
      clearInterval(looking);
      signal?.removeEventListener('abort', onAbort);
      void thread.terminate().then(() => resolve({ answer, output }));
    };
    const give = (message: string) => end({ fault: { message, line: null, isSyntax: false } });
    const tooMuch = () => give(`It needed more than ${memoryMb} MB of memory.`);
    const onAbort = () => give('The gateway is shutting down.');
    const timer = setTimeout(
      () => give(`It took longer than ${timeoutMs / 1000} s: is there an endless loop?`),
      timeoutMs,
    );
    const looking = setInterval(() => {
      // Rejects when the thread has just ended, which the other events tell.
      thread.getHeapStatistics().then(
        ({ external_memory }) => external_memory > memoryMb * 2 ** 20 && tooMuch(),
        () => {},
      );
    }, LOOK_MS);
    signal?.addEventListener('abort', onAbort, { once: true });
    port.once('message', end);
    thread.once('error', (error: NodeJS.ErrnoException) =>
      error?.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooMuch() : give(`It failed: ${error?.message ?? error}`),
    );
    thread.once('exit', () => give('It ended its thread, as by process.exit.'));
  });
}

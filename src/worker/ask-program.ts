import { killGroup, startGroup } from './process-group.ts';
import { cleanEnvironment } from './program-environment.ts';

/** Of what a program prints nobody reads more. */
const MAX_CHARACTERS = 1024 * 1024;

/**
 * Runs a program to its end, with a clean environment, and gives what it printed. What it leaves running is ended: a
 * launcher's daemon would hold its output open, and be left behind by every start of the worker.
 *
 * @throws Error that says, as the end of a sentence, why there is no answer
 */
export async function askProgram(program: string, args: readonly string[], timeoutMs: number): Promise<string> {
  const group = startGroup({ program, args, environment: cleanEnvironment() });
  const output = collect(group.stdout);
  const errors = collect(group.stderr);
  group.stdin.end();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void group.kill();
  }, timeoutMs);
  const { exitCode, signal, startError } = await group.ended;
  clearTimeout(timer);
  if (group.pid !== undefined) await killGroup(group.pid);
  if (startError !== undefined) throw startError;
  if (isLate) throw new Error(`it did not answer within ${timeoutMs / 1000} s`);
  if (exitCode === 0) return output();
  const how = exitCode === null ? `was ended by ${signal}` : `ended with exit code ${exitCode}`;
  throw new Error(`it ${how}: ${errors().trim().split('\n').at(-1)}`);
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (piece: string) => {
    if (text.length < MAX_CHARACTERS) text += piece;
  });
  return () => text;
}

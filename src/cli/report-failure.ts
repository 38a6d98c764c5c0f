import { SetupError } from '../domain/setup-error.ts';
import { CommandFailure } from './command-failure.ts';

/** Says on stderr why the command failed: in its own words if it has some, with a stack trace only for those who want one. */
export function reportFailure(error: unknown, args: readonly string[]): void {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof SetupError || error instanceof CommandFailure) {
    process.stderr.write(`${message}\n`);
    return;
  }
  if (wantsDetails(args)) {
    process.stderr.write(`${error instanceof Error ? error.stack : message}\n`);
    return;
  }
  // An uncaught error of a library can hold pages of code.
  const [line] = message.trim().split('\n', 1);
  process.stderr.write(
    `Unexpected: ${line?.slice(0, 500)}\nRun it with TABLAO_LOG_LEVEL=debug for the details, and report it.\n`,
  );
}

function wantsDetails(args: readonly string[], environment = process.env): boolean {
  const at = args.indexOf('--log-level');
  const level =
    args.find((arg) => arg.startsWith('--log-level='))?.split('=')[1] ?? (at < 0 ? undefined : args[at + 1]);
  return /^(debug|trace)$/.test(level ?? environment.TABLAO_LOG_LEVEL ?? '');
}

/** These do more than talk: they go on when nobody listens any more. */
const AT_WORK = ['serve', 'worker', 'demo'];

/** `tablao jobs | head -1`: whoever reads has seen enough. */
export function stayQuietOnClosedOutput(args: readonly string[]): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (!args.some((arg) => AT_WORK.includes(arg))) process.exit();
    });
  }
}

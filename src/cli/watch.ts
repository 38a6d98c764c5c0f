import { Command } from 'commander';
import { EXIT_CODES } from './exit-codes.ts';
import { chooseGateway, type Gateway } from './gateway.ts';
import type { GlobalFlags } from './global-options.ts';
import { type JobState, streamJob } from './job-stream.ts';
import { createJobView } from './job-view.ts';
import { listenForStop } from './stop-signal.ts';

/** How a job can end, and how the command ends then. */
const ENDS: Readonly<Record<string, number>> = {
  COMPLETED: EXIT_CODES.done,
  FAILED: EXIT_CODES.jobFailed,
  CANCELED: EXIT_CODES.jobCanceled,
};

/** `tablao watch JOB`: follows a job until it ends. */
export function watchCommand(): Command {
  return new Command('watch')
    .description('Follow a job until it ends. Ctrl-C ends only the watching.')
    .argument('<job>', 'its id')
    .addHelpText(
      'after',
      '\nA terminal gets a progress bar; anything else a line for each status, or with --json an object for each state.',
    )
    .action(async (id: string, flags: GlobalFlags) => {
      process.exitCode = await watchToItsEnd(chooseGateway(flags), id, flags);
    });
}

/** @returns the exit code that says how the job ended, or that the watching was interrupted */
export async function watchToItsEnd(
  gateway: Gateway,
  id: string,
  { json = false }: { readonly json?: boolean },
): Promise<number> {
  const stop = listenForStop();
  try {
    const job = await showJob(gateway, id, { json, signal: stop.signal });
    return job === undefined ? EXIT_CODES.interrupted : exitCodeOf(job);
  } finally {
    stop.forget();
  }
}

/** How a command ends that waited for the job. */
export function exitCodeOf({ status }: JobState): number {
  return ENDS[status] ?? EXIT_CODES.failed;
}

/**
 * Shows a job on stdout until it ends.
 *
 * @returns its last state; undefined when the signal came first
 */
export async function showJob(
  gateway: Gateway,
  id: string,
  { json, signal }: { readonly json: boolean; readonly signal: AbortSignal },
): Promise<JobState | undefined> {
  const view = createJobView(process.stdout, json);
  try {
    for await (const job of streamJob(gateway, id, { signal, onAway: (isAway) => view.showAway(isAway) })) {
      view.show(job);
      if (job.status in ENDS) return job;
    }
    return undefined;
  } finally {
    view.close();
  }
}

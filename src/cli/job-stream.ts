import { setTimeout as delay } from 'node:timers/promises';
import { CommandFailure } from './command-failure.ts';
import { ask, type Gateway, operation } from './gateway.ts';

/** A job as far as it is watched. */
export interface JobState {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly statusReason: string;
  readonly error: string | null;
  readonly progress: number;
  readonly frameCounts: { readonly total: number; readonly done: number };
  readonly taskCounts: {
    readonly total: number;
    readonly active: number;
    readonly completed: number;
    readonly failed: number;
  };
  readonly secondsElapsed: number;
  readonly secondsLeft: number | null;
  readonly waitingFor: readonly string[];
}

const STATE = `id name status statusReason error progress frameCounts { total done }
  taskCounts { total active completed failed } secondsElapsed secondsLeft waitingFor`;

const JOB = operation<{ job: JobState | null }, { id: string }>(`query Job($id: ID!) { job(id: $id) { ${STATE} } }`);

/**
 * The job as it is now, then each newer state of it. Ends only with the signal.
 *
 * @throws CommandFailure when there is no such job, or not any more
 */
export async function* streamJob(gateway: Gateway, id: string, signal: AbortSignal): AsyncGenerator<JobState> {
  for (let last = ''; !signal.aborted; ) {
    const { job } = await ask(gateway, JOB, { id });
    if (job === null) throw new CommandFailure(`There is no job with the id "${id}".`);
    const text = JSON.stringify(job);
    if (text !== last) yield job;
    last = text;
    await delay(250, undefined, { signal }).catch(() => {});
  }
}

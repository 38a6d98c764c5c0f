import { CommandFailure } from './command-failure.ts';
import type { Gateway } from './gateway.ts';
import { stream } from './stream.ts';

/** A job as far as it is watched. */
export interface JobState {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly statusReason: string;
  readonly error: string | null;
  readonly progress: number;
  readonly frameCounts: { readonly total: number; readonly done: number };
  readonly taskCounts: Readonly<Record<'total' | 'active' | 'completed' | 'failed', number>>;
  readonly secondsElapsed: number;
  readonly secondsLeft: number | null;
  readonly waitingFor: readonly string[];
}

type Update =
  | ({ readonly __typename: 'Job' } & JobState)
  | { readonly __typename: 'NotFoundError'; readonly message: string };

const JOB_UPDATED = `
  subscription Job($id: ID!) {
    jobUpdated(id: $id) {
      __typename
      ... on Job {
        id name status statusReason error progress frameCounts { total done } taskCounts { total active completed failed }
        secondsElapsed secondsLeft waitingFor
      }
      ... on Error { message }
    }
  }`;

export interface StreamOptions {
  readonly signal: AbortSignal;
  /** Told when the gateway is gone, and when it is there again. */
  onAway(isAway: boolean): void;
}

/**
 * The job as it is now, then its newest state whenever it has changed; through lost connections too. Ends with the signal.
 *
 * @throws CommandFailure when the gateway cannot be reached in the first place, or when there is no such job (any more)
 */
export async function* streamJob(
  gateway: Gateway,
  id: string,
  { signal, onAway }: StreamOptions,
): AsyncGenerator<JobState> {
  const subscription = { query: JOB_UPDATED, variables: { id } };
  const updates = stream<{ jobUpdated: Update }>(gateway, subscription, {
    signal,
    onAway: (reason) => onAway(reason !== null),
  });
  for await (const { jobUpdated } of updates) {
    if (jobUpdated.__typename === 'NotFoundError') throw new CommandFailure(jobUpdated.message);
    yield jobUpdated;
  }
}

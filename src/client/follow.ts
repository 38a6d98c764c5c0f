import { setTimeout as delay } from 'node:timers/promises';
import { type GatewayAddress, subscribeOnce } from './connection.ts';
import { GatewayRefusal } from './gateway-refusal.ts';

export interface Subscription<Data> {
  /** With a variable `$after: Cursor` where the stream can go on from a cursor. */
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** The cursor that a message came with; null when it has none. Left out: a stream of states, which needs no cursor. */
  cursorOf?(data: Data): string | null;
}

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Told when the connection is lost, with the reason, and with null when it is there again. */
  onAway?(reason: string | null): void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * A subscription that outlives its connection. Whenever that is lost, a new one is made and the stream goes on after the
 * last message that was taken: with exact streams (`statusChanges`, `taskLog`) nothing is missing and nothing comes twice.
 * The client of graphql-ws would subscribe again with the variables that it was given first, and so repeat everything
 * since then. Ends when the gateway says that the stream is complete, or with the signal.
 *
 *     const changes = follow({ url: 'http://127.0.0.1:4000' }, {
 *       query: `subscription ($after: Cursor) { statusChanges(after: $after, startAt: OLDEST) {
 *         ... on StatusChangeBatch { cursor changes { sequence jobId } } ... on Error { message } } }`,
 *       cursorOf: ({ statusChanges }) => statusChanges.cursor ?? null,
 *     }, { signal });
 *     for await (const { statusChanges } of changes) …
 *
 * @throws GatewayRefusal when the gateway answers with an error; any other error when it cannot be reached in the first
 *   place. Later it is tried again for as long as it takes.
 */
export async function* follow<Data>(
  gateway: GatewayAddress,
  subscription: Subscription<Data>,
  { signal, onAway = () => {} }: FollowOptions,
): AsyncGenerator<Data> {
  let after = subscription.variables?.after ?? null;
  let wasThere = false;
  let isAway = false;
  let pauseMs = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const variables = subscription.cursorOf ? { ...subscription.variables, after } : { ...subscription.variables };
      for await (const answer of subscribeOnce<Data>(gateway, { query: subscription.query, variables }, signal)) {
        if (answer.errors || !answer.data) throw new GatewayRefusal(answer.errors ?? [{ message: 'An empty answer.' }]);
        if (isAway) onAway(null);
        isAway = false;
        wasThere = true;
        pauseMs = FIRST_PAUSE_MS;
        after = subscription.cursorOf?.(answer.data) ?? after;
        yield answer.data;
      }
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof GatewayRefusal ? !error.isPassing : !wasThere) throw error;
      if (!isAway) onAway((error as Error).message);
      isAway = true;
    }
    // Not all at once: a gateway that comes back finds all its clients waiting.
    await delay(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

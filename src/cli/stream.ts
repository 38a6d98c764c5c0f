import { type FollowOptions, follow, type Subscription } from '../client/follow.ts';
import { GatewayRefusal } from '../client/gateway-refusal.ts';
import { CommandFailure } from './command-failure.ts';
import { explainUnreachable, type Gateway } from './gateway.ts';

/**
 * The messages of a subscription, through lost connections too (see `follow`). Ends when the gateway says that it is
 * complete, or with the signal.
 *
 * @throws CommandFailure when the gateway cannot be reached in the first place, or refuses
 */
export async function* stream<Data>(
  gateway: Gateway,
  subscription: Subscription<Data>,
  options: FollowOptions,
): AsyncGenerator<Data> {
  try {
    yield* follow(gateway, subscription, options);
  } catch (error) {
    if (error instanceof GatewayRefusal) throw new CommandFailure(error.message);
    throw new CommandFailure(explainUnreachable(gateway.url, error));
  }
}

/** Says on stderr once that the gateway is gone, and is quiet until it was there again. */
export function createAwayNotice(): (isAway: boolean) => void {
  let wasAway = false;
  return (isAway) => {
    if (isAway && !wasAway) process.stderr.write('The gateway is away; trying again until it is back.\n');
    wasAway = isAway;
  };
}

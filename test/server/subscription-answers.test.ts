import { EventEmitter, on } from 'node:events';
import { createSchema, createYoga } from 'graphql-yoga';
import { beforeEach, describe, expect, it } from 'vitest';
import { createErrorMask } from '../../src/server/masking.ts';
import { type Answers, takeAnswers, useSubscriptionAnswers } from '../../src/server/subscription-answers.ts';
import { captureLog, type Log } from '../support/server.ts';

interface TestContext {
  readonly caller: { readonly viewer: string };
  readonly viewer: string;
  readonly renewals: number;
}

interface Event {
  readonly number: number;
}

let events: EventEmitter;
let resolved: number;
let open: number;
let log: Log;
let yoga: ReturnType<typeof createTestYoga>;
beforeEach(() => {
  events = new EventEmitter().setMaxListeners(0);
  resolved = open = 0;
  log = captureLog();
  yoga = createTestYoga();
});

function createTestYoga() {
  const mask = createErrorMask({ logger: log.logger, isDatabaseUnavailable: () => false });
  const schema = createSchema<TestContext>({
    typeDefs: `type Query { nothing: Int } type Subscription { ticks(after: Int): Tick! }
      type Tick { number: Int! times(by: Int!): Int! secret: String viewer: String! renewals: Int! }`,
    resolvers: {
      Subscription: {
        ticks: {
          subscribe: async function* () {
            open += 1;
            try {
              for await (const [event] of on(events, 'tick')) yield event;
            } finally {
              open -= 1;
            }
          },
          resolve: (event: Event) => event,
        },
      },
      Tick: {
        number: ({ number }: Event) => {
          resolved += 1;
          return number;
        },
        times: ({ number }: Event, { by }: { by: number }) => number * by,
        secret: () => {
          throw new Error('password=hunter2');
        },
        viewer: (_: Event, __: unknown, { viewer }: TestContext) => viewer,
        renewals: (_: Event, __: unknown, { renewals }: TestContext) => renewals,
      },
    },
  });
  const sharing = {
    keyOf: (context: object) => (context as { viewer: string }).viewer,
    renew: (context: object) => ({ ...context, renewals: (context as { renewals: number }).renewals + 1 }),
  };
  return createYoga<TestContext>({
    schema,
    context: ({ caller }) => ({ caller, viewer: caller.viewer, renewals: 0 }),
    plugins: [useSubscriptionAnswers(mask, sharing)],
    logging: false,
  });
}

async function subscribe(query: string, variableValues: object = {}, viewer = 'anyone'): Promise<Answers> {
  const caller = { viewer };
  const { schema, parse, contextFactory, subscribe: begin } = yoga.getEnveloped({ caller, viewer, renewals: 0 });
  const result = await begin({ schema, document: parse(query), contextValue: await contextFactory(), variableValues });
  expect(Symbol.asyncIterator in (result as object), JSON.stringify(result)).toBe(true);
  return takeAnswers(caller)!;
}

/** The next answer of each, to one event. */
async function tick(subscribers: readonly Answers[], number = 7): Promise<(string | null)[]> {
  const answers = subscribers.map((each) => each.next());
  await expect.poll(() => open).toBe(subscribers.length);
  events.emit('tick', { number });
  return await Promise.all(answers);
}

describe('subscribers that asked the same', () => {
  it('share one execution and one text of each event', async () => {
    const subscribers = await Promise.all(
      Array.from({ length: 50 }, () => subscribe('subscription { ticks { number } }')),
    );
    const texts = await tick(subscribers);
    expect(new Set(texts)).toEqual(new Set(['{"data":{"ticks":{"number":7}}}']));
    expect(resolved).toBe(1);
    await tick(subscribers, 8);
    expect(resolved).toBe(2);
    for (const each of subscribers) await each.close();
    expect(open).toBe(0);
  });

  it('share also when they began at different cursors', async () => {
    const query = 'subscription ($after: Int, $by: Int!) { ticks(after: $after) { number times(by: $by) } }';
    const subscribers = [await subscribe(query, { after: 1, by: 2 }), await subscribe(query, { after: 2, by: 2 })];
    await tick(subscribers);
    expect(resolved).toBe(1);
  });

  it.each([
    ['another document', 'subscription { ticks { number viewer } }', {}, 'anyone'],
    ['another viewer', 'subscription ($by: Int! = 2) { ticks { number times(by: $by) } }', {}, 'somebody'],
    [
      'another variable below the root',
      'subscription ($by: Int! = 2) { ticks { number times(by: $by) } }',
      { by: 3 },
      'anyone',
    ],
  ])('do not share with %s', async (_, query, variables, viewer) => {
    const same = await subscribe('subscription ($by: Int! = 2) { ticks { number times(by: $by) } }');
    const other = await subscribe(query, variables, viewer);
    const [one, two] = await tick([same, other]);
    expect(resolved).toBe(2);
    if (viewer === 'anyone') expect(one).not.toBe(two);
  });

  it('get a new context with each event', async () => {
    const subscriber = await subscribe('subscription { ticks { renewals } }');
    expect(await tick([subscriber])).toEqual(['{"data":{"ticks":{"renewals":1}}}']);
    expect(await tick([subscriber])).toEqual(['{"data":{"ticks":{"renewals":1}}}']);
  });

  it('see a failure masked, and it is logged once for all of them', async () => {
    const subscribers = await Promise.all([1, 2, 3].map(() => subscribe('subscription { ticks { secret } }')));
    const texts = await tick(subscribers);
    expect(new Set(texts).size).toBe(1);
    expect(JSON.parse(texts[0]!)).toMatchObject({
      data: { ticks: { secret: null } },
      errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    });
    expect(texts[0]).not.toContain('hunter2');
    expect(log.lines.filter((line) => JSON.stringify(line).includes('hunter2'))).toHaveLength(1);
  });
});

it('an event that is no object is answered for each subscriber', async () => {
  const query = 'subscription { ticks { viewer } }';
  const subscribers = [await subscribe(query), await subscribe(query)];
  const answers = subscribers.map((each) => each.next());
  await expect.poll(() => open).toBe(2);
  events.emit('tick', 5);
  expect(await Promise.all(answers)).toEqual(Array(2).fill('{"data":{"ticks":{"viewer":"anyone"}}}'));
});

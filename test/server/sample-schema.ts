import { EventEmitter, on, once } from 'node:events';
import { GraphQLError, GraphQLScalarType } from 'graphql';
import { createSchema } from 'graphql-yoga';
import type { Caller } from '../../src/server/caller.ts';

export interface SampleContext {
  readonly caller: Caller;
}

/** What the schema does and what a test does to it. */
export class Sample {
  /** `tick` with a number: what the subscription `ticks` gives. */
  readonly events = new EventEmitter().setMaxListeners(0);
  /** Resolved by the test: until then the mutation `slow` waits. */
  readonly gate = Promise.withResolvers<string>();
  /** Results that the subscription `flood` has made. */
  made = 0;
  /** Subscriptions that have begun and not ended. */
  open = 0;
  slowStarted = 0;
  greetings = 0;

  readonly schema = createSchema<SampleContext>({ typeDefs: TYPES, resolvers: createResolvers(this) });
  readonly createContext = (caller: Caller): SampleContext => {
    if (caller.authorization === 'Bearer wrong') {
      throw new GraphQLError('This token is not known.', { extensions: { code: 'UNAUTHENTICATED' } });
    }
    return { caller };
  };
}

/** Stands for what pg throws when the connection is gone. */
export class ConnectionLost extends Error {}

const TYPES = /* GraphQL */ `
  type Query {
    hello(name: String! = "world"): String!
    who: String
    remoteAddress: String
    secret: String!
    secretOrNothing: String
    database: String!
    forbidden: String!
    brokenNumber: Int!
    pick(color: Color!): String!
    half(of: Even! = 2): Int!
    things(first: Int, last: Int): ThingConnection!
    thingsByIds(ids: [ID!]!): [Thing]!
  }
  scalar Even
  enum Color { RED GREEN }
  type Thing { id: ID! name: String! tags: [String!]! friends: [Thing!]! things(first: Int, last: Int): ThingConnection! }
  type ThingConnection { edges: [ThingEdge!]! nodes: [Thing!]! totalCount: Int! }
  type ThingEdge { node: Thing! cursor: String! }
  type Mutation {
    slow: String!
    held: String!
    echo(text: String!): Int!
  }
  type Subscription {
    countTo(number: Int!): Int!
    ticks: Int!
    flood(bytes: Int!): String!
    breaks: Int!
    neverBegins: Int!
    things(first: Int): ThingConnection!
  }
`;

function createResolvers(sample: Sample) {
  const thing = { id: '1', name: 'one', tags: [], friends: [], things: () => connection };
  const connection = { edges: [], nodes: [], totalCount: 0 };

  return {
    Even: new GraphQLScalarType({ name: 'Even', coerceInputValue: checkEven, coerceInputLiteral: () => 2 }),
    Query: {
      hello: (_: unknown, { name }: { name: string }) => {
        sample.greetings += 1;
        return `Hello ${name}`;
      },
      who: (_: unknown, __: unknown, { caller }: SampleContext) => caller.authorization,
      remoteAddress: (_: unknown, __: unknown, { caller }: SampleContext) => caller.remoteAddress,
      secret: () => fail(new Error('password=hunter2 at /srv/secret')),
      secretOrNothing: () => fail(new Error('password=hunter2 at /srv/secret')),
      database: () => fail(new ConnectionLost('connect ECONNREFUSED 10.0.0.5:5432')),
      forbidden: () => fail(new GraphQLError('This needs the role ADMIN.', { extensions: { code: 'FORBIDDEN' } })),
      brokenNumber: () => 'seven',
      pick: (_: unknown, { color }: { color: string }) => color,
      half: (_: unknown, { of }: { of: number }) => of / 2,
      things: () => connection,
      thingsByIds: (_: unknown, { ids }: { ids: string[] }) => ids.map((id) => ({ ...thing, id })),
    },
    Mutation: {
      slow: async () => {
        sample.slowStarted += 1;
        return await sample.gate.promise;
      },
      held: async (_: unknown, __: unknown, { caller }: SampleContext) => {
        sample.slowStarted += 1;
        if (!caller.signal.aborted) await once(caller.signal, 'abort');
        return 'shutting down';
      },
      echo: (_: unknown, { text }: { text: string }) => text.length,
    },
    Subscription: {
      countTo: {
        resolve: (value: number) => value,
        subscribe: (_: unknown, { number }: { number: number }) => countTo(sample, number),
      },
      ticks: {
        resolve: (value: number) => value,
        subscribe: (_: unknown, __: unknown, { caller }: SampleContext) => follow(sample, caller.signal),
      },
      flood: {
        resolve: (value: string) => value,
        subscribe: (_: unknown, { bytes }: { bytes: number }) => flood(sample, bytes),
      },
      breaks: { resolve: (value: number) => value, subscribe: () => breakAfterOne() },
      neverBegins: { subscribe: () => fail(new Error('password=hunter2')) },
      things: { subscribe: () => countTo(sample, 1), resolve: () => connection },
    },
  };
}

function checkEven(value: unknown): number {
  if (typeof value !== 'number' || value % 2 !== 0) throw new TypeError(`${value} is not even`);
  return value;
}

function fail(error: Error): never {
  throw error;
}

async function* countTo(sample: Sample, number: number): AsyncGenerator<number> {
  sample.open += 1;
  try {
    for (let value = 1; value <= number; value += 1) yield value;
  } finally {
    sample.open -= 1;
  }
}

async function* follow(sample: Sample, signal: AbortSignal): AsyncGenerator<number> {
  sample.open += 1;
  try {
    for await (const [value] of on(sample.events, 'tick', { signal })) yield value;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    sample.open -= 1;
  }
}

/** Numbered, so that a gap or a repeat shows. */
async function* flood(sample: Sample, bytes: number): AsyncGenerator<string> {
  sample.open += 1;
  try {
    for (;;) {
      sample.made += 1;
      yield String(sample.made).padEnd(bytes, '.');
    }
  } finally {
    sample.open -= 1;
  }
}

async function* breakAfterOne(): AsyncGenerator<number> {
  yield 1;
  throw new Error('password=hunter2 at /srv/secret');
}

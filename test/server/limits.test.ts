import { buildSchema, getIntrospectionQuery, Kind, type OperationDefinitionNode, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { QUERY_LIMITS } from '../../src/server/limits.ts';
import { estimateFields } from '../../src/server/query-cost.ts';
import { createTestApp, type GraphqlAnswer } from '../support/server.ts';
import { Sample } from './sample-schema.ts';

async function run(query: string, variables?: Record<string, unknown>): Promise<GraphqlAnswer> {
  const { app } = createTestApp(new Sample());
  const init = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  };
  const response = await app.fetch('http://127.0.0.1:4000/graphql', init);
  return (await response.json()) as GraphqlAnswer;
}

async function codeOf(query: string, variables?: Record<string, unknown>): Promise<unknown> {
  return (await run(query, variables)).errors?.[0]?.extensions?.code;
}

/** So many levels of fields: an even number ends with `totalCount`, an odd one with `id`. */
function nest(levels: number): string {
  if (levels === 1) return 'id';
  if (levels === 2) return 'things(first: 1) { totalCount }';
  return `things(first: 1) { nodes { ${nest(levels - 2)} } }`;
}

describe('a document', () => {
  it('may be the introspection that GraphiQL sends', async () => {
    const query = getIntrospectionQuery({
      descriptions: true,
      schemaDescription: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      inputValueDeprecation: true,
      oneOf: true,
    });
    expect(await run(query)).toHaveProperty('data.__schema');
  });

  it(`may be ${QUERY_LIMITS.depth} levels deep and no deeper`, async () => {
    expect(await codeOf(`{ ${nest(QUERY_LIMITS.depth)} }`)).toBeUndefined();
    expect(await codeOf(`{ ${nest(QUERY_LIMITS.depth + 1)} }`)).toBe('QUERY_TOO_COMPLEX');
  });

  it('hides no depth in fragments', async () => {
    const half = QUERY_LIMITS.depth / 2;
    const inThings = (inside: string) => `things(first: 1) { nodes { ${inside} } }`;
    const deep = Array.from(
      { length: half },
      (_, n) => `fragment f${n} on Thing { ${inThings(`... on Thing { ...f${n + 1} }`)} }`,
    );
    const query = `{ ${inThings('...f0')} } ${deep.join(' ')} fragment f${half} on Thing { id }`;
    expect(await codeOf(query)).toBe('QUERY_TOO_COMPLEX');
  });

  it('with fragments that spread themselves is invalid, not endless', async () => {
    expect(await codeOf('{ things { nodes { ...a } } } fragment a on Thing { friends { ...a } }')).toBe(
      'GRAPHQL_VALIDATION_FAILED',
    );
  });

  it(`may have ${QUERY_LIMITS.aliases} aliases and no more`, async () => {
    const greet = (count: number) => `{ ${Array.from({ length: count }, (_, n) => `a${n}: hello`).join(' ')} }`;
    expect(await codeOf(greet(QUERY_LIMITS.aliases))).toBeUndefined();
    expect(await codeOf(greet(QUERY_LIMITS.aliases + 1))).toBe('QUERY_TOO_COMPLEX');
  });

  it(`may have ${QUERY_LIMITS.tokens} tokens and no more`, async () => {
    const listIds = (count: number) => `{ thingsByIds(ids: [${'"1" '.repeat(count)}]) { id } }`;
    const others = 12;
    expect(await codeOf(listIds(1_000))).toBeUndefined();
    expect(await codeOf(listIds(QUERY_LIMITS.tokens - others))).toBe(undefined);
    expect(await codeOf(listIds(QUERY_LIMITS.tokens - others + 1))).toBe('QUERY_TOO_COMPLEX');
  });
});

describe('the lists of an operation', () => {
  const threeLevels = (size: string) =>
    `things${size} { nodes { things${size} { edges { node { things${size} { totalCount } } } } } }`;

  it.each([
    ['written out', `{ ${threeLevels('(first: 100)')} }`, {}],
    ['as last', `{ ${threeLevels('(last: 100)')} }`, {}],
    ['as a variable', `query ($n: Int) { ${threeLevels('(first: $n)')} }`, { n: 100 }],
    ["as a variable's default", `query ($n: Int = 100) { ${threeLevels('(first: $n)')} }`, {}],
    ['in a fragment', `{ ...f } fragment f on Query { ${threeLevels('(first: 100)')} }`, {}],
    ['left out', `{ ${threeLevels('').replace('totalCount', 'nodes { id }')} }`, {}],
  ])('may not be a hundred three times over, %s', async (_, query, variables) => {
    const answer = await run(query, variables);
    expect(answer.errors?.[0]).toMatchObject({
      message: expect.stringMatching(/could hold [\d,]+ fields; at most 100,000 are allowed: .*\(first, last\)/),
      extensions: { code: 'QUERY_TOO_COMPLEX' },
    });
  });

  it('may be a hundred twice over with eight fields each', async () => {
    const eight = Array.from({ length: 8 }, (_, n) => `f${n}: name`).join(' ');
    expect(
      await codeOf(`{ things(first: 100) { nodes { things(first: 100) { nodes { ${eight} } } } } }`),
    ).toBeUndefined();
  });

  it('may be small three times over', async () => {
    expect(await codeOf(`query ($n: Int) { ${threeLevels('(first: $n)')} }`, { n: 10 })).toBeUndefined();
  });

  it('that no field gives are left to the field to refuse', async () => {
    expect(await codeOf('{ things(first: 1000000) { nodes { id name } } }')).toBeUndefined();
  });

  it('bound subscriptions too', async () => {
    const query =
      'subscription { things(first: 100) { nodes { things(first: 100) { nodes { things(first: 100) { totalCount } } } } } }';
    const { app } = createTestApp(new Sample());
    const headers = { 'Content-Type': 'application/json', Accept: 'text/event-stream' };
    const response = await app.fetch('http://127.0.0.1:4000/graphql', {
      method: 'POST',
      headers,
      body: JSON.stringify({ query }),
    });
    expect(await response.text()).toContain('QUERY_TOO_COMPLEX');
  });
});

describe('the estimate', () => {
  const schema = buildSchema(`
    type Query { item: Item items(first: Int = 50, last: Int): Items nodes(ids: [ID!]!): [Item] any: Any all: [Item!]!
      changes(first: Int! = 500): Items }
    type Mutation { remove(input: RemoveInput!): [Item!]! }
    input RemoveInput { ids: [ID!]! }
    type Items { nodes: [Item!]! totalCount: Int! }
    type Item { id: ID! tags: [String!]! parts: [Item!]! items(first: Int): Items }
    type Other { id: ID! }
    union Any = Item | Other
  `);

  function estimate(text: string, variables: Record<string, unknown> = {}): number {
    const { definitions } = parse(text);
    const operation = definitions[0] as OperationDefinitionNode;
    const fragments = Object.fromEntries(
      definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION).map((node) => [node.name.value, node]),
    );
    return estimateFields({ schema, operation, fragments, variables });
  }

  it.each([
    ['{ item { id tags } }', 3],
    ['{ items(first: 10) { nodes { id tags } } }', 1 + 10 * 3],
    ['{ items(first: 10) { nodes { id } totalCount } }', 1 + 10 * 3],
    ['{ items(first: 10, last: 20) { nodes { id } } }', 1 + 20 * 2],
    ['{ items { nodes { id } } }', 1 + 50 * 2],
    ['{ changes { nodes { id } } }', 1 + 500 * 2],
    ['{ items(first: 0) { nodes { id } } }', 1],
    ['{ items(first: -5) { nodes { id } } }', 1],
    ['{ items(first: null) { nodes { id } } }', 1 + 50 * 2],
    ['{ items(first: 2) { nodes { items(first: 3) { nodes { id } } } } }', 1 + 2 * (1 + 1 + 3 * 2)],
    ['{ items(first: 2) { nodes { parts { id } } } }', 1 + 2 * (1 + 1 + 10)],
    ['{ all { id } }', 1 + 10],
    ['{ nodes(ids: ["1", "2", "3"]) { id } }', 1 + 3],
    ['mutation { remove(input: { ids: ["1", "2", "3"] }) { id } }', 1 + 3],
    ['{ any { ... on Item { id tags } ... on Other { id } } }', 1 + 3],
    ['{ ...q ...q } fragment q on Query { item { id } }', 4],
    ['{ __schema { types { name } } item { __typename } }', 3],
  ])('of %s is %i', (text, fields) => {
    expect(estimate(text)).toBe(fields);
  });

  it('takes sizes and ids from variables', () => {
    expect(estimate('query ($n: Int = 7) { items(first: $n) { nodes { id } } }')).toBe(15);
    expect(estimate('query ($n: Int = 7) { items(first: $n) { nodes { id } } }', { n: 2 })).toBe(5);
    expect(estimate('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: ['1', '2'] })).toBe(3);
    expect(
      estimate('mutation ($input: RemoveInput!) { remove(input: $input) { id } }', { input: { ids: ['1', '2'] } }),
    ).toBe(3);
  });

  it('of fragments that spread each other twice takes no longer than of those that do once', () => {
    const levels = Array.from({ length: 60 }, (_, n) => `fragment f${n} on Query { ...f${n + 1} ...f${n + 1} }`);
    expect(estimate(`{ ...f0 } ${levels.join(' ')} fragment f60 on Query { item { id } }`)).toBe(2 * 2 ** 60);
  });
});

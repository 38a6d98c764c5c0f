import { describe, expect, it } from 'vitest';
import { type GraphqlAnswer, startServer, TRANSPORTS } from '../support/server.ts';
import { ConnectionLost, Sample } from './sample-schema.ts';

async function start(sample = new Sample()) {
  const { schema, createContext } = sample;
  const isDatabaseUnavailable = (error: unknown) => error instanceof ConnectionLost;
  return { sample, ...(await startServer({ schema, createContext, isDatabaseUnavailable })) };
}

function codesOf(answer: GraphqlAnswer): unknown[] {
  return answer.errors?.map((error) => error.extensions?.code) ?? [];
}

async function collect(stream: AsyncIterable<GraphqlAnswer>): Promise<GraphqlAnswer[]> {
  const answers: GraphqlAnswer[] = [];
  for await (const answer of stream) answers.push(answer);
  return answers;
}

describe.each(TRANSPORTS)('operations over $name', ({ execute, subscribe, ...transport }) => {
  const run = execute.bind({ execute, subscribe, ...transport });

  it('answers a query with variables', async () => {
    const { url } = await start();
    const answer = await run(url, {
      query: 'query ($name: String!) { hello(name: $name) }',
      variables: { name: 'Ana' },
    });
    expect(answer).toEqual({ data: { hello: 'Hello Ana' } });
  });

  it('gives the context who asks', async () => {
    const { url } = await start();
    const answer = await run(url, { query: '{ who remoteAddress }' }, 'Bearer abc');
    expect(answer.data).toEqual({ who: 'Bearer abc', remoteAddress: '127.0.0.1' });
  });

  it('streams a subscription to its end', async () => {
    const { url } = await start();
    const answers = await collect(subscribe(url, { query: 'subscription { countTo(number: 3) }' }));
    expect(answers.map((answer) => answer.data?.countTo)).toEqual([1, 2, 3]);
  });

  it.each([
    ['GRAPHQL_PARSE_FAILED', '{ hello', {}],
    ['GRAPHQL_VALIDATION_FAILED', '{ goodbye }', {}],
    ['BAD_REQUEST', 'query ($color: Color!) { pick(color: $color) }', { color: 'BLUE' }],
    ['BAD_REQUEST', 'query ($color: Color!) { pick(color: $color) }', {}],
    ['BAD_REQUEST', 'query ($of: Even!) { half(of: $of) }', { of: 3 }],
    ['BAD_REQUEST', 'query ($name: String = "x") { hello(name: $name) }', { name: null }],
    ['BAD_REQUEST', 'query A { hello } query B { hello }', {}],
    [
      'QUERY_TOO_COMPLEX',
      '{ things(first: 100) { nodes { things(first: 100) { nodes { things(first: 100) { totalCount } } } } } }',
      {},
    ],
    [
      'QUERY_TOO_COMPLEX',
      'query ($n: Int) { things(first: $n) { nodes { things(last: $n) { nodes { things(first: $n) { totalCount } } } } } }',
      { n: 100 },
    ],
    ['FORBIDDEN', '{ forbidden }', {}],
    ['DATABASE_UNAVAILABLE', '{ database }', {}],
    ['INTERNAL_SERVER_ERROR', '{ secret }', {}],
    ['INTERNAL_SERVER_ERROR', '{ brokenNumber }', {}],
    ['INTERNAL_SERVER_ERROR', 'subscription { neverBegins }', {}],
  ])('fails with %s: %s', async (code, query, variables) => {
    const { url } = await start();
    const stream = subscribe(url, { query, variables });
    const [answer, ...more] = await collect(stream);
    expect(codesOf(answer!)).toEqual([code]);
    expect(JSON.stringify(answer)).not.toMatch(/hunter2|ECONNREFUSED|"http"/);
    expect(more).toEqual([]);
  });

  it('refuses an unknown token', async () => {
    const { url } = await start();
    const answer = await run(url, { query: '{ hello }' }, 'Bearer wrong');
    expect(answer).toEqual({
      errors: [{ message: 'This token is not known.', extensions: { code: 'UNAUTHENTICATED' } }],
    });
  });

  it('logs what it masks, once, under the id that the client gets', async () => {
    const { url, log } = await start();
    const answer = await run(url, { query: '{ hello secretOrNothing }' });
    const { correlationId } = answer.errors![0]!.extensions!;
    expect(answer.data).toEqual({ hello: 'Hello world', secretOrNothing: null });
    expect(correlationId).toMatch(/^[0-9a-f-]{36}$/);
    const entries = log.lines.filter((line) => JSON.stringify(line).includes('hunter2'));
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      correlationId,
      path: 'secretOrNothing',
      err: { message: expect.stringContaining('hunter2'), stack: expect.any(String) },
    });
  });

  it('ends a subscription with an error when its source breaks', async () => {
    const { url, log } = await start();
    const [first, second, ...more] = await collect(subscribe(url, { query: 'subscription { breaks }' }));
    expect(first).toEqual({ data: { breaks: 1 } });
    expect(codesOf(second!)).toEqual(['INTERNAL_SERVER_ERROR']);
    expect(JSON.stringify(second)).not.toContain('hunter2');
    expect(more).toEqual([]);
    expect(log.lines.filter((line) => JSON.stringify(line).includes('hunter2'))).toHaveLength(1);
  });

  it('stops the source of a subscription whose client leaves', async () => {
    const { url, sample } = await start();
    const stream = subscribe(url, { query: 'subscription { ticks }' });
    const first = stream.next();
    await expect.poll(() => sample.open).toBe(1);
    sample.events.emit('tick', 7);
    expect((await first).value).toEqual({ data: { ticks: 7 } });
    await stream.return(undefined);
    await expect.poll(() => sample.open).toBe(0);
  });
});

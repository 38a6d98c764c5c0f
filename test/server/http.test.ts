import { once } from 'node:events';
import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { readyRoute } from '../../src/server/health.ts';
import { createErrorMask } from '../../src/server/masking.ts';
import { captureLog, createTestApp, postJson, startServer } from '../support/server.ts';
import { ConnectionLost, Sample } from './sample-schema.ts';

const URL = 'http://127.0.0.1:4000';
const JSON_TYPES = ['application/json', 'application/graphql-response+json'];

function createSampleApp(overrides: Partial<Parameters<typeof createTestApp>[0]> = {}) {
  const isDatabaseUnavailable = (error: unknown) => error instanceof ConnectionLost;
  return createTestApp({ ...new Sample(), isDatabaseUnavailable, ...overrides });
}

function post(query: string, headers: Record<string, string> = {}, body: unknown = { query }) {
  const init = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
  return createSampleApp().app.fetch(`${URL}/graphql`, init);
}

async function codeOf(response: Response): Promise<unknown> {
  const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
  return errors[0]?.extensions.code;
}

describe('the HTTP status of an operation', () => {
  it.each([
    [200, '{ hello }'],
    [200, '{ hello secretOrNothing }'],
    [403, '{ forbidden }'],
    [500, '{ secret }'],
    [503, '{ database }'],
    [400, `{ ${'things { nodes { '.repeat(10)} totalCount ${'} }'.repeat(10)} }`],
  ])('is %i for %s, whichever JSON is asked for', async (status, query) => {
    for (const accept of JSON_TYPES) expect((await post(query, { Accept: accept })).status).toBe(status);
  });

  it.each([
    ['a syntax error', '{ hello'],
    ['an unknown field', '{ goodbye }'],
  ])('of %s is 400, but 200 for application/json, as GraphQL over HTTP wants it', async (_, query) => {
    expect((await post(query, { Accept: 'application/graphql-response+json' })).status).toBe(400);
    expect((await post(query, { Accept: 'application/json' })).status).toBe(200);
  });

  it('of a wrong variable is 400', async () => {
    const body = { query: 'query ($color: Color!) { pick(color: $color) }', variables: { color: 'BLUE' } };
    for (const accept of JSON_TYPES) expect((await post('', { Accept: accept }, body)).status).toBe(400);
  });

  it('of an unknown token is 401, with what is wanted instead', async () => {
    const response = await post('{ hello }', { Authorization: 'Bearer wrong' });
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  });
});

describe('a request that is no operation', () => {
  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json; charset=latin1',
    '',
  ])('of type "%s" is UNSUPPORTED_MEDIA_TYPE', async (type) => {
    const response = await post('{ hello }', { 'Content-Type': type });
    expect(response.status).toBe(415);
    expect(await codeOf(response)).toBe('UNSUPPORTED_MEDIA_TYPE');
  });

  it.each([
    ['not JSON', '{'],
    ['no object', '7'],
    ['null', 'null'],
    ['a batch', '[{"query":"{hello}"}]'],
    ['without a query', '{}'],
    ['with a wrong query', '{"query":7}'],
    ['with wrong variables', '{"query":"{hello}","variables":[]}'],
    ['with something unknown', '{"query":"{hello}","q":1}'],
  ])('%s is BAD_REQUEST', async (_, body) => {
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body };
    const response = await createSampleApp().app.fetch(`${URL}/graphql`, init);
    expect(await codeOf(response)).toBe('BAD_REQUEST');
  });

  it.each(['PUT', 'DELETE', 'OPTIONS', 'PATCH'])('by %s is METHOD_NOT_ALLOWED', async (method) => {
    const response = await createSampleApp().app.fetch(`${URL}/graphql`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD, POST');
    expect(await codeOf(response)).toBe('METHOD_NOT_ALLOWED');
  });

  it('by GET is METHOD_NOT_ALLOWED, a query and a mutation', async () => {
    const { app } = createSampleApp();
    for (const query of ['{hello}', 'mutation{slow}']) {
      const response = await app.fetch(`${URL}/graphql?query=${encodeURIComponent(query)}`);
      expect(response.status).toBe(405);
      expect(await codeOf(response)).toBe('METHOD_NOT_ALLOWED');
    }
  });

  it('by GET as an event stream may subscribe but not change anything', async () => {
    const { app } = createSampleApp();
    const get = (query: string) =>
      app.fetch(`${URL}/graphql?query=${encodeURIComponent(query)}`, { headers: { Accept: 'text/event-stream' } });
    expect(await (await get('subscription{countTo(number:1)}')).text()).toContain('data: {"data":{"countTo":1}}');
    expect(await (await get('mutation{slow}')).text()).toContain('METHOD_NOT_ALLOWED');
  });

  it('that cannot be answered as asked says how it can', async () => {
    const response = await post('subscription { countTo(number: 1) }', { Accept: 'application/json' });
    expect(response.status).toBe(406);
    expect(await response.text()).toMatch(/text\/event-stream.*WebSocket/);
  });
});

describe('the length of a request', () => {
  const tooLong = JSON.stringify({
    query: 'mutation ($text: String!) { echo(text: $text) }',
    variables: { text: 'x'.repeat(9 * 2 ** 20) },
  });

  it('may be 8 MiB', async () => {
    const { url } = await startServer(new Sample());
    const text = 'x'.repeat(8 * 2 ** 20 - 1_000);
    const response = await postJson(url, {
      query: 'mutation ($text: String!) { echo(text: $text) }',
      variables: { text },
    });
    expect(await response.json()).toEqual({ data: { echo: text.length } });
  });

  it.each(['with its length', 'in chunks'])('beyond that is PAYLOAD_TOO_LARGE, sent %s', async (how) => {
    const { url } = await startServer(new Sample());
    const headers: Record<string, string | number> = { 'Content-Type': 'application/json' };
    if (how === 'with its length') headers['Content-Length'] = tooLong.length;
    const outgoing = request(`${url}/graphql`, { method: 'POST', headers });
    for (let at = 0; at < tooLong.length; at += 2 ** 20) outgoing.write(tooLong.slice(at, at + 2 ** 20));
    outgoing.end();
    const sent = once(outgoing, 'finish');
    const [incoming] = await once(outgoing, 'response');
    expect(incoming.statusCode).toBe(413);
    expect(String((await incoming.toArray()).join(''))).toContain('PAYLOAD_TOO_LARGE');
    await sent; // the rest is taken and thrown away: most clients read only then
  });

  it('is not believed', async () => {
    const { url } = await startServer(new Sample());
    const outgoing = request(`${url}/graphql`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Content-Length': 20 * 2 ** 20 },
    });
    outgoing.flushHeaders();
    const [incoming] = await once(outgoing, 'response'); // before anything was sent
    expect(incoming.statusCode).toBe(413);
    outgoing.destroy();
  });
});

it('takes a client that breaks off in the middle for no fault of its own', async () => {
  const { url, app, log } = await startServer(new Sample());
  const headers = { 'Content-Type': 'application/json', 'Content-Length': 1_000 };
  const outgoing = request(`${url}/graphql`, { method: 'POST', headers }).on('error', () => {});
  outgoing.write('{"query":');
  await once(outgoing, 'socket');
  await fetch(`${url}/health`); // by now the first request is being read
  outgoing.destroy();
  await app.close(60_000);
  expect(log.lines).toEqual([]);
});

describe('the other paths', () => {
  it('/health answers as long as the process lives', async () => {
    const { app } = createSampleApp({ isReady: () => Promise.reject(new Error('database away')) });
    const response = await app.fetch(`${URL}/health`);
    expect([response.status, await response.json()]).toEqual([200, { status: 'ok', version: '1.2.3' }]);
  });

  it('/ready says why it is not', async () => {
    const { app } = createSampleApp({
      isReady: async () => ({ ok: false, reasons: ['The database cannot be reached.'] }),
    });
    const response = await app.fetch(`${URL}/ready`);
    expect([response.status, await response.json()]).toEqual([
      503,
      { status: 'not ready', reasons: ['The database cannot be reached.'] },
    ]);
  });

  it('/ready answers when all is well', async () => {
    const response = await createSampleApp().app.fetch(`${URL}/ready`);
    expect([response.status, await response.json()]).toEqual([200, { status: 'ready', reasons: [] }]);
  });

  it.each([
    ['the database is away', new ConnectionLost('10.0.0.5'), /cannot reach its database/],
    ['the check itself fails', new Error('hunter2'), /its log has the details/],
  ])('/ready says it when %s, and the log has the error', async (_, error, reason) => {
    const { app, log } = createSampleApp({ isReady: () => Promise.reject(error) });
    const response = await app.fetch(`${URL}/ready`);
    expect(response.status).toBe(503);
    const text = await response.text();
    expect(text).toMatch(reason);
    expect(text).not.toContain(error.message);
    expect(JSON.stringify(log.lines)).toContain(error.message);
  });

  it('/ready answers even if the check does not', async () => {
    const route = readyRoute(
      () => new Promise(() => {}),
      createErrorMask({ logger: captureLog().logger, isDatabaseUnavailable: () => false }),
      10,
    );
    const visit = { caller: { authorization: null, remoteAddress: null, signal: AbortSignal.abort() }, parameters: {} };
    const response = await route.answer(new Request(`${URL}/ready`), visit);
    expect([response.status, await response.json()]).toEqual([
      503,
      { status: 'not ready', reasons: ['The check did not end within 0.01 s.'] },
    ]);
  });

  it('are not there, and the answer says which are', async () => {
    const response = await createSampleApp().app.fetch(`${URL}/jobs?x=1`);
    expect(response.status).toBe(404);
    expect(await response.text()).toMatch(/nothing at \/jobs; there is: \/graphql, \/health, \/ready/);
  });

  it('take HEAD where they take GET, without a body', async () => {
    const { url } = await startServer(new Sample());
    const response = await fetch(`${url}/health`, { method: 'HEAD' });
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      'application/json',
      '',
    ]);
  });

  it('are no proxy', async () => {
    const { url, port } = await startServer(new Sample());
    const outgoing = request({
      port,
      host: '127.0.0.1',
      path: 'http://example.com/health',
      headers: { Host: url.slice(7) },
    });
    outgoing.end();
    const [incoming] = await once(outgoing, 'response');
    expect(incoming.statusCode).toBe(400);
    incoming.resume();
  });
});

it('sends the security headers with every answer, refusals included', async () => {
  const { app } = createSampleApp();
  const answers = [
    post('{ hello }'),
    app.fetch(`${URL}/health`),
    app.fetch(`${URL}/none`),
    app.fetch('http://evil.example/health'),
  ];
  for (const { headers } of await Promise.all(answers)) {
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('access-control-allow-origin')).toBeNull();
  }
});

it('ends an event stream with its headers as they should be', async () => {
  const { url } = await startServer(new Sample());
  const response = await postJson(
    url,
    { query: 'subscription { countTo(number: 1) }' },
    { Accept: 'text/event-stream' },
  );
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  expect(response.headers.get('cache-control')).toBe('no-cache');
  expect(response.headers.has('content-encoding')).toBe(false);
  expect(await response.text()).toMatch(/event: next\ndata: {"data":{"countTo":1}}\n\nevent: complete\ndata:\n\n$/);
});

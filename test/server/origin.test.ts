import { once } from 'node:events';
import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createSenderGuard } from '../../src/server/origin.ts';
import { startServer } from '../support/server.ts';
import { Sample } from './sample-schema.ts';

const NOBODY = { origin: null, fetchSite: null, fetchMode: null };

function isAllowed(boundHost: string, headers: Partial<Parameters<ReturnType<typeof createSenderGuard>>[0]>): boolean {
  const guard = createSenderGuard(boundHost, () => 4000, 'Render01.studio.example');
  return guard({ host: '127.0.0.1:4000', ...NOBODY, ...headers }) === undefined;
}

describe('the Host, bound to loopback', () => {
  it.each(['127.0.0.1:4000', 'localhost:4000', 'LOCALHOST:4000', '[::1]:4000'])('%s is allowed', (host) => {
    expect(isAllowed('127.0.0.1', { host })).toBe(true);
  });

  it.each([
    'evil.example:4000',
    'localhost.evil.example:4000',
    '127.0.0.1.nip.io:4000',
    'localhost',
    'localhost:80',
    'localhost:40000',
    '192.168.1.5:4000',
    '0.0.0.0:4000',
    'render01:4000',
    'localhost.:4000',
    'user@localhost:4000',
    '',
    null,
  ])('%s is refused', (host) => {
    expect(isAllowed('127.0.0.1', { host })).toBe(false);
  });

  it('may leave out port 80', () => {
    const guard = createSenderGuard('127.0.0.1', () => 80);
    expect(guard({ ...NOBODY, host: 'localhost' })).toBeUndefined();
    expect(guard({ ...NOBODY, host: 'localhost', origin: 'http://localhost' })).toBeUndefined();
  });

  it('may be the other address of this machine that was asked for', () => {
    expect(isAllowed('127.0.0.9', { host: '127.0.0.9:4000' })).toBe(true);
  });
});

describe('the Host, bound to more', () => {
  it.each([
    '192.168.1.5:4000',
    '10.0.0.7:8080',
    '[fe80::1]:4000',
    'localhost:4000',
    'render01:4000',
    'RENDER01.studio.example',
    'render01.local:4000',
  ])('%s is allowed', (host) => {
    expect(isAllowed('0.0.0.0', { host })).toBe(true);
  });

  it.each([
    'evil.example:4000',
    'render01.evil.example:4000',
    '192.168.1.5.nip.io:4000',
    '1.2.3.4:5:6',
    '[evil]:4000',
    '',
    null,
  ])('%s is refused', (host) => {
    expect(isAllowed('0.0.0.0', { host })).toBe(false);
  });

  it('may be the name that was asked for', () => {
    expect(isAllowed('farm.studio.example', { host: 'farm.studio.example:4000' })).toBe(true);
    expect(isAllowed('0.0.0.0', { host: 'farm.studio.example:4000' })).toBe(false);
  });
});

describe('the Origin', () => {
  it.each([
    ['127.0.0.1:4000', 'http://127.0.0.1:4000'],
    ['localhost:4000', 'http://localhost:4000'],
    ['[::1]:4000', 'http://[::1]:4000'],
  ])('may be the gateway itself: %s asked by %s', (host, origin) => {
    expect(isAllowed('127.0.0.1', { host, origin })).toBe(true);
  });

  it.each([
    'null',
    'http://evil.example',
    'http://localhost:3000',
    'http://localhost:4000',
    'http://127.0.0.1',
    'file://',
    'chrome-extension://abc',
    '',
  ])('may not be %s when 127.0.0.1:4000 is asked', (origin) => {
    expect(isAllowed('127.0.0.1', { origin })).toBe(false);
  });
});

describe('a request without an Origin that a browser marks as foreign', () => {
  it.each([
    ['cross-site', 'no-cors', false],
    ['same-site', 'cors', false],
    ['cross-site', 'navigate', true],
    ['same-origin', 'cors', true],
    ['none', 'navigate', true],
  ])('%s by %s: allowed is %s', (fetchSite, fetchMode, allowed) => {
    expect(isAllowed('127.0.0.1', { fetchSite, fetchMode })).toBe(allowed);
  });
});

it('says what was refused and what is allowed', async () => {
  const { port, url } = await startServer(new Sample());
  const ask = async (headers: Record<string, string>) => {
    const outgoing = request(`${url}/health`, { headers });
    outgoing.end();
    const [incoming] = await once(outgoing, 'response');
    return { status: incoming.statusCode, body: JSON.parse((await incoming.toArray()).join('')) };
  };
  expect(await ask({ Host: 'evil.example' })).toEqual({
    status: 403,
    body: {
      errors: [
        {
          message: `The Host "evil.example" is refused; allowed: 127.0.0.1:${port}, localhost:${port}, [::1]:${port}.`,
          extensions: { code: 'FORBIDDEN' },
        },
      ],
    },
  });
  expect(await ask({ Origin: 'http://evil.example' })).toEqual({
    status: 403,
    body: {
      errors: [
        {
          message: `The Origin "http://evil.example" is refused; allowed: http://127.0.0.1:${port}, or none.`,
          extensions: { code: 'FORBIDDEN' },
        },
      ],
    },
  });
});

it.each([
  ['Host', { headers: { Host: 'evil.example' } }],
  ['Origin', { origin: 'http://evil.example' }],
  ['Origin', { origin: 'null' }],
])('refuses WebSockets by %s too: %j', async (_, options) => {
  const { url } = await startServer(new Sample());
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', options);
  const [, response] = await once(socket, 'unexpected-response');
  expect(response.statusCode).toBe(403);
  expect((await response.toArray()).join('')).toContain('FORBIDDEN');
});

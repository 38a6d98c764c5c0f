import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { SetupError } from '../../src/domain/setup-error.ts';
import { explainListenError, isLoopback } from '../../src/server/listen-address.ts';
import { createTestApp, startServer } from '../support/server.ts';
import { Sample } from './sample-schema.ts';

describe('the address to listen on', () => {
  it.each(['127.0.0.1', '127.1.2.3', 'localhost', 'LocalHost', '::1'])('%s is this machine only', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['0.0.0.0', '::', '192.168.1.5', '127.evil.example', 'render01', ''])('"%s" is not', (host) => {
    expect(isLoopback(host)).toBe(false);
  });

  it('is refused in one line when others can reach it and nobody said --allow-anonymous', () => {
    expect(() => createTestApp({ ...new Sample(), host: '0.0.0.0' })).toThrow(SetupError);
    expect(() => createTestApp({ ...new Sample(), host: '0.0.0.0' })).toThrow(
      /^Not listening on 0\.0\.0\.0: .*--allow-anonymous[^\n]*$/,
    );
  });

  it('may be any with --allow-anonymous', async () => {
    const { url } = await startServer({ ...new Sample(), host: '0.0.0.0', allowAnonymous: true });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  it('may be of IPv6', async () => {
    const { url } = await startServer({ ...new Sample(), host: '::1' });
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });
});

describe('an address that cannot be had', () => {
  it('names the port that is taken and the way out', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { app } = createTestApp({ ...new Sample(), port });
    await expect(app.listen()).rejects.toThrow(
      new SetupError(`Port ${port} of 127.0.0.1 is taken: stop what uses it, or choose another with --port.`),
    );
    await app.close(0);
    other.close();
  });

  it.each([
    ['127.0.0.1', 70_000, /^There is no port 70000: .*--port/],
    ['192.0.2.1', 4000, /^This machine does not have the address 192\.0\.2\.1: .*--host/],
    ['name.invalid', 4000, /^The name name\.invalid is not known here: .*--host/],
  ])('says what is wrong with %s:%i', async (host, port, message) => {
    const { app } = createTestApp({ ...new Sample(), host, port, allowAnonymous: true });
    const error = await app.listen().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SetupError);
    expect((error as Error).message).toMatch(message);
    await app.close(0);
  });

  it('explains a port that only root may open', () => {
    const error = Object.assign(new Error('listen EACCES'), { code: 'EACCES' }); // tests may run as root
    expect(explainListenError(error, '127.0.0.1', 80)).toEqual(
      new SetupError('Not allowed to listen on port 80: choose one from 1024 up with --port.'),
    );
  });

  it('leaves errors that it does not know as they are', () => {
    const error = new Error('something else');
    expect(explainListenError(error, '127.0.0.1', 80)).toBe(error);
  });
});

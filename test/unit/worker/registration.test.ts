import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SetupError } from '../../../src/domain/setup-error.ts';
import { ensureRegistered } from '../../../src/worker/registration.ts';
import { openStateDirectory, type StateDirectory } from '../../../src/worker/state-directory.ts';
import { silentLogger } from '../../support/command-context.ts';

let folder: string;
let state: StateDirectory;
let server: Server;
let gateway: string;
let asked: unknown[];
let answers: { status: number; body: unknown }[];

const registered = (id: string) => ({
  status: 200,
  body: {
    data: { registerWorker: { __typename: 'RegisterWorkerSuccess', token: `t-${id}`, worker: { id, name: 'anna-2' } } },
  },
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tablao-register-'));
  state = await openStateDirectory(folder);
  asked = [];
  answers = [];
  server = createServer(async (request, response) => {
    asked.push(JSON.parse(Buffer.concat(await request.toArray()).toString()).variables.input);
    const { status, body } = answers.shift() ?? { status: 500, body: {} };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  gateway = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const register = (address = gateway, signal = new AbortController().signal) =>
  ensureRegistered({ gateway: address, name: 'anna', registrationToken: 'let-me-in' }, state, silentLogger, signal);

describe('a worker', () => {
  it('registers once, and remembers who it is', async () => {
    answers.push(registered('w1'));
    const first = await register();
    expect(first).toEqual({ gateway, workerId: 'w1', name: 'anna-2', token: 't-w1' });
    expect(await register()).toEqual(first);
    expect(asked).toEqual([{ name: 'anna', platform: process.platform, registrationToken: 'let-me-in' }]);
    expect(readFileSync(state.registration, 'utf8')).toContain('t-w1');
  });

  it('registers anew at another gateway', async () => {
    answers.push(registered('w1'), registered('w2'));
    await register();
    const other = gateway.replace('127.0.0.1', 'localhost');
    expect((await register(other)).workerId).toBe('w2');
  });

  it('waits for a gateway that cannot answer yet', async () => {
    answers.push(
      { status: 503, body: { errors: [{ message: 'no', extensions: { code: 'DATABASE_UNAVAILABLE' } }] } },
      registered('w1'),
    );
    expect((await register()).workerId).toBe('w1');
  });

  it('ends when it is asked to while it waits', async () => {
    const stop = new AbortController();
    const waiting = register('http://127.0.0.1:9', stop.signal);
    setTimeout(() => stop.abort(new Error('asked to end')), 50);
    await expect(waiting).rejects.toThrow('asked to end');
  });

  it('says in one line why it was refused', async () => {
    answers.push({
      status: 200,
      body: { data: { registerWorker: { __typename: 'ForbiddenError', message: 'a token is needed' } } },
    });
    await expect(register()).rejects.toThrow(
      new SetupError(`The gateway ${gateway} refused to register "anna": a token is needed`),
    );
  });
});

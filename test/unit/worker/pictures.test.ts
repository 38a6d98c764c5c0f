import { afterEach, beforeEach, expect, it } from 'vitest';
import { Pictures } from '../../../src/worker/pictures.ts';
import { Session } from '../../../src/worker/session.ts';
import { silentLogger } from '../../support/command-context.ts';
import { FakeGateway } from '../../support/fake-gateway.ts';
import { makeJpeg } from '../../support/picture.ts';

let gateway: FakeGateway;
let stop: AbortController;
let pictures: Pictures;
let jpeg: Buffer;

beforeEach(async () => {
  gateway = new FakeGateway();
  stop = new AbortController();
  jpeg = await makeJpeg();
  const deps = { client: gateway, logger: silentLogger, signal: stop.signal };
  const offer = {
    version: '0',
    protocol: 1,
    taskTypes: [],
    tags: [],
    blenderVersions: [],
    devices: [],
    offers: [],
    slots: 1,
  };
  pictures = new Pictures({ ...deps, session: new Session(deps, offer, () => {}) });
});
afterEach(async () => {
  stop.abort();
  await pictures.done();
});

const frame = (number: number, source: string | Buffer = jpeg, attemptToken = 'a') => ({
  attemptToken,
  frame: number,
  source,
});
const put = () => [...gateway.pictures.keys()];

it('puts one after the other', async () => {
  for (const number of [3, 1, 2]) pictures.add(frame(number));
  await pictures.done();
  expect(put()).toEqual([3, 1, 2]);
  expect(gateway.pictures.get(1)).toEqual(jpeg);
});

it('goes on after a frame of which no picture can be made', async () => {
  pictures.add(frame(1, '/no/such/file.png'));
  pictures.add(frame(2));
  await pictures.done();
  expect(put()).toEqual([2]);
});

it('waits for a gateway that is away', async () => {
  gateway.goAway();
  pictures.add(frame(1));
  await new Promise((resolve) => setImmediate(resolve));
  expect(put()).toEqual([]);
  gateway.isAway = false;
  await pictures.done();
  expect(put()).toEqual([1]);
});

it('keeps the newest hundred that wait, and the one at hand', async () => {
  for (let number = 1; number <= 150; number += 1) pictures.add(frame(number));
  await pictures.done();
  expect(put()).toEqual([1, ...Array.from({ length: 100 }, (_, index) => 51 + index)]);
});

it('forgets an attempt that is over: because it is told so, and because the gateway says so', async () => {
  pictures.add(frame(1));
  pictures.add(frame(2, jpeg, 'b'));
  pictures.add(frame(3));
  pictures.forget('a');
  await pictures.done();
  expect(put()).toEqual([1, 2]);

  gateway.endAttempt('b');
  for (const number of [4, 5]) pictures.add(frame(number, jpeg, 'b'));
  pictures.add(frame(6));
  await pictures.done();
  expect(put()).toEqual([1, 2, 6]);
});

it('ends at once with the worker', async () => {
  gateway.goAway();
  pictures.add(frame(1));
  stop.abort();
  await pictures.done();
  expect(put()).toEqual([]);
});

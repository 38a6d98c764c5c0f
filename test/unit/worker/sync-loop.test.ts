import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeJson } from '../../../src/worker/state-directory.ts';
import { runWorker } from '../../../src/worker/worker.ts';
import { makeAssignment, silentLogger } from '../../support/command-context.ts';
import { FakeGateway } from '../../support/fake-gateway.ts';

let stateDir: string;
let gateway: FakeGateway;
let stop: AbortController;
let running: Promise<'OFFLINE' | 'RESTART'> | undefined;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'tablao-loop-'));
  gateway = new FakeGateway();
  stop = new AbortController();
});

afterEach(async () => {
  stop.abort();
  await running?.catch(() => {});
  running = undefined;
  rmSync(stateDir, { recursive: true, force: true });
});

/** The whole worker, but for the socket. */
function start(): Promise<'OFFLINE' | 'RESTART'> {
  writeJson(join(stateDir, 'worker.json'), { gateway: 'http://gateway', workerId: 'w', name: 'w', token: 't' });
  running = runWorker(
    {
      gateway: 'http://gateway',
      name: 'w',
      version: '0',
      taskTypes: ['misc'],
      tags: [],
      blenders: ['/none'],
      stateDir,
    },
    { logger: silentLogger, signal: stop.signal, connect: () => gateway },
  );
  running.catch(() => {});
  return running;
}

const echo = (token: string, message = 'hello') =>
  makeAssignment({
    attemptToken: token,
    attempt: { id: token, number: 1 },
    commands: [{ name: 'echo', parameters: { message } }],
  });
const nap = (token: string, seconds = 60) =>
  makeAssignment({
    attemptToken: token,
    attempt: { id: token, number: 1 },
    commands: [{ name: 'sleep', parameters: { seconds } }],
  });
const ends = () => gateway.reports.filter(({ event }) => !('progress' in event));
const isBusyWith = (token: string) => gateway.calls.at(-1)?.running.includes(token) ?? false;

describe('the sync loop', () => {
  it('holds one call open while it is idle, and works as soon as there is work', async () => {
    start();
    await gateway.until(() => gateway.isHolding);
    expect(gateway.calls).toHaveLength(1);
    gateway.give(echo('a'));
    await gateway.until(() => ends().length === 1);
    expect(ends()[0]?.event).toEqual({ completed: { outputs: [] } });
    expect(gateway.logs.get('a')).toBe('hello\n');
  });

  it('reports an end and asks for the next task in one call', async () => {
    start();
    gateway.give(echo('a'));
    gateway.give(echo('b'));
    await gateway.until(() => ends().length === 2);
    const call = gateway.calls.find(({ reports }) => reports.some(({ attemptToken }) => attemptToken === 'a'));
    expect(call).toMatchObject({ running: [], freeSlots: 1 });
  });

  it('never executes an attempt twice, when its assignment is sent again or an answer is lost', async () => {
    start();
    gateway.give(echo('a'));
    await gateway.until(() => isBusyWith('a') || ends().length === 1);
    gateway.losesAnswers = true;
    await gateway.until(() => ends().length === 1);
    gateway.give(echo('b'));
    await gateway.until(() => ends().length === 2);
    expect(ends().map(({ attemptToken }) => attemptToken)).toEqual(['a', 'b']);
    expect(gateway.logs.get('a')).toBe('hello\n');
  });

  it('reports progress of an attempt at most once a second, with rising sequence', async () => {
    start();
    gateway.give(nap('a', 2.6));
    await gateway.until(() => ends().length === 1);
    const sequences = gateway.reports.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...sequences.keys()].map((index) => index + 1));
    expect(sequences.length).toBeGreaterThan(1);
    expect(sequences.length).toBeLessThanOrEqual(3);
  });
});

describe('a stop order', () => {
  it.each(['CANCELED', 'RECALLED'] as const)('%s ends the attempt, and is confirmed', async (reason) => {
    start();
    gateway.give(nap('a'));
    await gateway.until(() => isBusyWith('a') && gateway.isHolding);
    gateway.stop('a', reason);
    await gateway.until(() => ends().length === 1);
    expect(ends()[0]?.event).toEqual({ stopped: { handedBack: false } });
  });

  it.each(['TIMED_OUT', 'SUPERSEDED'] as const)('%s ends it without a word', async (reason) => {
    start();
    gateway.give(nap('a'));
    await gateway.until(() => isBusyWith('a') && gateway.isHolding);
    gateway.endAttempt('a');
    gateway.stop('a', reason);
    await gateway.until(() => gateway.calls.at(-1)?.freeSlots === 1);
    expect(ends()).toEqual([]);
  });

  it('does not make the worker ask again and again while the program ends', async () => {
    start();
    gateway.request('OFFLINE'); // said with every answer, at once
    gateway.give(nap('a', 1));
    const before = gateway.calls.length;
    await gateway.until(() => ends().length === 1);
    expect(gateway.calls.length - before).toBeLessThan(15);
  });

  it('is also a report that the gateway does not take any more', async () => {
    start();
    gateway.give(nap('a'));
    await gateway.until(() => isBusyWith('a'));
    gateway.endAttempt('a');
    await gateway.until(() => gateway.calls.at(-1)?.freeSlots === 1);
    expect(ends()).toEqual([]);
  });
});

describe('while the gateway is away', () => {
  it('goes on working, keeps its reports, and delivers them in order, once', async () => {
    start();
    gateway.give(echo('a'));
    await gateway.until(() => gateway.calls.some(({ running: tokens }) => tokens.includes('a')) || ends().length === 1);
    gateway.give(nap('b', 0.3));
    await gateway.until(() => isBusyWith('b'));
    gateway.goAway();
    await sleep(600);
    gateway.isAway = false;
    await gateway.until(() => ends().length === 2);
    expect(ends().map(({ attemptToken }) => attemptToken)).toEqual(['a', 'b']);
    expect(gateway.signOns).toHaveLength(1);
  });

  it('a worker that ends keeps its reports for the next process', async () => {
    const first = start();
    gateway.give(nap('a', 0.2));
    await gateway.until(() => isBusyWith('a'));
    gateway.goAway();
    await sleep(400);
    stop.abort();
    await expect(first).resolves.toBe('OFFLINE');
    gateway.isAway = false;
    stop = new AbortController();
    start();
    await gateway.until(() => ends().length === 1);
    expect(ends()[0]).toMatchObject({ attemptToken: 'a', event: { completed: { outputs: [] } } });
    expect(gateway.signOns).toHaveLength(2);
  });

  it('signs on again when its session is unknown, and names what it still executes', async () => {
    start();
    gateway.give(nap('a'));
    await gateway.until(() => isBusyWith('a') && gateway.isHolding);
    gateway.endSession('UNKNOWN');
    await gateway.until(() => gateway.signOns.length === 2 && gateway.isHolding);
    expect(gateway.calls.at(-1)).toMatchObject({ sessionId: 'session-2', running: ['a'], freeSlots: 0 });
  });
});

describe('the end of a worker', () => {
  it('hands its tasks back, signs off and resolves when it is asked to stop', async () => {
    const ended = start();
    gateway.give(nap('a'));
    await gateway.until(() => isBusyWith('a'));
    stop.abort();
    await expect(ended).resolves.toBe('OFFLINE');
    expect(ends()[0]?.event).toEqual({ stopped: { handedBack: true } });
    expect(gateway.signedOff).toEqual(['session-1']);
  });

  it.each(['OFFLINE', 'RESTART'] as const)('%s: finishes, signs off', async (request) => {
    const ended = start();
    await gateway.until(() => gateway.isHolding);
    gateway.request(request);
    await expect(ended).resolves.toBe(request);
    expect(gateway.signedOff).toEqual(['session-1']);
  });

  it('ASLEEP: says so once nothing runs, and AWAKE when it is awake again', async () => {
    start();
    gateway.give(nap('a', 0.2));
    await gateway.until(() => isBusyWith('a') && gateway.isHolding);
    gateway.request('ASLEEP');
    await gateway.until(() => gateway.calls.at(-1)?.status === 'ASLEEP');
    expect(ends()).toHaveLength(1);
    gateway.request('AWAKE');
    await gateway.until(() => gateway.calls.at(-1)?.status === 'AWAKE');
  });

  it.each([
    ['SIGNED_ON_ELSEWHERE', 'Another process signed on as this worker; give each its own --state-dir.'],
    ['DELETED', 'This worker was deleted on the gateway.'],
  ] as const)('%s: ends everything, reports nothing, fails in one sentence', async (reason, sentence) => {
    const ended = start();
    gateway.give(nap('a'));
    await gateway.until(() => isBusyWith('a') && gateway.isHolding);
    gateway.endSession(reason);
    await expect(ended).rejects.toThrow(sentence);
    expect(ends()).toEqual([]);
  });

  it('refuses a state directory that a living process uses', async () => {
    start();
    await gateway.until(() => gateway.isHolding);
    const second = runWorker(
      { gateway: 'http://gateway', name: 'w', version: '0', tags: [], stateDir },
      { logger: silentLogger, signal: stop.signal, connect: () => gateway },
    );
    await expect(second).rejects.toThrow(
      `Another process (pid ${process.pid}) already uses the state directory "${stateDir}".`,
    );
  });
});

it('fails an attempt with a command that it does not know, and says which', async () => {
  start();
  gateway.give(makeAssignment({ attemptToken: 'a', commands: [{ name: 'bake', parameters: {} }] }));
  await gateway.until(() => ends().length === 1);
  expect(ends()[0]?.event).toMatchObject({ failed: { kind: 'OTHER', message: expect.stringContaining('"bake"') } });
});

import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { LiveStates } from '../../src/feed/live-states.ts';
import type { LiveSource } from '../../src/feed/live-value.ts';
import { WAKE_ALL } from '../../src/feed/wake.ts';

const OPTIONS = { gapMs: 30, refreshMs: 60_000, logger: pino({ level: 'silent' }) };

/** A number that the test changes. */
class Counter implements LiveSource<number> {
  value = 1;
  reads: number[] = [];
  fault: Error | null = null;

  concernOf() {
    return ['it'];
  }

  async read(previous: number | null): Promise<number | null> {
    this.reads.push(performance.now());
    if (this.fault) throw this.fault;
    return previous === this.value ? null : this.value;
  }
}

function open(states: LiveStates, counter: Counter) {
  const stop = new AbortController();
  return { stop, stream: states.follow('counter', () => counter, stop.signal) };
}

describe('a live state', () => {
  it('is read once for all who watch it, who get the same object', async () => {
    const states = new LiveStates(OPTIONS);
    const counter = new Counter();
    const streams = Array.from({ length: 10 }, () => open(states, counter).stream);
    const first = await Promise.all(streams.map((stream) => stream.next()));
    expect(new Set(first.map(({ value }) => value)).size).toBe(1);
    expect(counter.reads).toHaveLength(1);
    counter.value = 2;
    states.wake(WAKE_ALL);
    const second = await Promise.all(streams.map((stream) => stream.next()));
    expect(new Set(second.map(({ value }) => value)).size).toBe(1);
    expect(counter.reads).toHaveLength(2);
    states.close();
  });

  it('is read no more often than the gap allows, and at the end once more', async () => {
    const states = new LiveStates(OPTIONS);
    const counter = new Counter();
    const { stream } = open(states, counter);
    await stream.next();
    const begun = performance.now();
    for (; counter.value < 200; counter.value += 1) {
      states.wake(WAKE_ALL);
      if (counter.value % 20 === 0) await delay(10);
    }
    states.wake(WAKE_ALL);
    let state = await stream.next();
    while (state.value!.value < 200) state = await stream.next();
    const took = performance.now() - begun;
    for (const [index, at] of counter.reads.slice(1).entries())
      expect(at - counter.reads[index]!).toBeGreaterThan(OPTIONS.gapMs - 2);
    expect(counter.reads.length).toBeLessThanOrEqual(2 + took / OPTIONS.gapMs);
    states.close();
  });

  it('gives a slow stream the newest value and none of those between', async () => {
    const states = new LiveStates({ ...OPTIONS, gapMs: 0 });
    const counter = new Counter();
    const [slow, quick] = [open(states, counter).stream, open(states, counter).stream];
    await Promise.all([slow.next(), quick.next()]);
    for (counter.value = 2; counter.value <= 50; counter.value += 1) {
      states.wake(WAKE_ALL);
      await quick.next();
    }
    expect((await slow.next()).value).toMatchObject({ value: 50 });
    states.close();
  });

  it('bothers nobody when it is read and has not changed', async () => {
    const states = new LiveStates({ ...OPTIONS, gapMs: 1 });
    const counter = new Counter();
    const { stream } = open(states, counter);
    await stream.next();
    let hasCome = false;
    const next = stream.next().then((step) => {
      hasCome = true;
      return step;
    });
    states.wake(WAKE_ALL);
    await expect.poll(() => counter.reads.length).toBe(2);
    expect(hasCome).toBe(false);
    counter.value = 2;
    states.wake(WAKE_ALL);
    expect((await next).value).toMatchObject({ value: 2 });
    states.close();
  });

  it('is read anew for those who come, also when it has not changed for those who are there', async () => {
    const states = new LiveStates(OPTIONS);
    const counter = new Counter();
    await open(states, counter).stream.next();
    states.wake(WAKE_ALL);
    expect((await open(states, counter).stream.next()).value).toMatchObject({ value: 1 });
    expect(counter.reads).toHaveLength(2);
    states.close();
  });

  it('says that it cannot be read only to those who have no state yet, and is tried again', async () => {
    const states = new LiveStates({ ...OPTIONS, gapMs: 1 });
    const counter = new Counter();
    counter.fault = new Error('no database');
    await expect(open(states, counter).stream.next()).rejects.toThrow('no database');
    counter.fault = null;
    const { stream } = open(states, counter);
    await stream.next();
    counter.fault = new Error('no database');
    const next = stream.next();
    states.wake(WAKE_ALL);
    await expect.poll(() => counter.reads.length).toBe(3);
    counter.fault = null;
    counter.value = 2;
    expect((await next).value).toMatchObject({ value: 2 });
    states.close();
  });

  it('is let go with the last who watches it', async () => {
    const states = new LiveStates(OPTIONS);
    const counter = new Counter();
    const { stop, stream } = open(states, counter);
    await stream.next();
    const next = stream.next();
    stop.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    states.wake(WAKE_ALL);
    await delay(2 * OPTIONS.gapMs);
    expect(counter.reads).toHaveLength(1);
  });
});

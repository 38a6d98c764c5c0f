import { describe, expect, it } from 'vitest';
import type { Clock, Moment } from '../../../src/worker/moment.ts';
import { MoveGate } from '../../../src/worker/move-gate.ts';

/** Turned by hand, in milliseconds. */
function makeClock() {
  let nowMs = 0;
  const moment = (): Moment => ({ monotonicMs: nowMs, wallMs: nowMs });
  const clock: Clock = { now: moment, since: ({ monotonicMs }) => nowMs - monotonicMs };
  return {
    clock,
    moment,
    turn: (ms: number) => {
      nowMs += ms;
    },
  };
}

const LEASE_MS = 60_000;

describe('the gate through which frames get into place', () => {
  it('is open for less than a lease after a sync was sent that was answered without a stop', () => {
    const { clock, moment, turn } = makeClock();
    const gate = new MoveGate(clock, LEASE_MS);
    expect(gate.mayMove('a')).toBe(false);
    const sentAt = moment();
    turn(20_000); // it was held
    gate.confirm(['a'], sentAt);
    expect([gate.mayMove('a'), gate.mayMove('b')]).toEqual([true, false]);
    turn(39_999);
    expect(gate.mayMove('a')).toBe(true);
    turn(1);
    expect(gate.mayMove('a')).toBe(false);
  });

  it('is shut for good by a stop, whatever older answer arrives later', () => {
    const { clock, moment } = makeClock();
    const gate = new MoveGate(clock, LEASE_MS);
    gate.confirm(['a'], moment());
    gate.forbid('a');
    gate.confirm(['a'], moment());
    expect(gate.mayMove('a')).toBe(false);
  });

  it('counts from the newest call, in whatever order the answers come', () => {
    const { clock, moment, turn } = makeClock();
    const gate = new MoveGate(clock, LEASE_MS);
    const older = moment();
    turn(30_000);
    gate.confirm(['a'], moment());
    gate.confirm(['a'], older);
    turn(40_000);
    expect(gate.mayMove('a')).toBe(true);
  });

  it('is shut when the session ends, until a sync of the new one is answered', () => {
    const { clock, moment } = makeClock();
    const gate = new MoveGate(clock, LEASE_MS);
    gate.confirm(['a'], moment());
    gate.forgetConfirmations();
    expect(gate.mayMove('a')).toBe(false);
    gate.confirm(['a'], moment());
    expect(gate.mayMove('a')).toBe(true);
  });

  it('lets whoever waits go on with the next answer, or gives up with the attempt', async () => {
    const { clock, moment } = makeClock();
    const gate = new MoveGate(clock, LEASE_MS);
    const waiting = gate.untilOpen('a', new AbortController().signal);
    gate.confirm(['b'], moment());
    gate.confirm(['a'], moment());
    await waiting;
    const stop = new AbortController();
    const stopped = gate.untilOpen('c', stop.signal);
    stop.abort(new Error('stopped'));
    await expect(stopped).rejects.toThrow('stopped');
    await expect(gate.untilOpen('a', stop.signal)).rejects.toThrow('stopped');
  });
});

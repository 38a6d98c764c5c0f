import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readMessage, writeMessage } from '../../src/feed/gateway-message.ts';
import { WAKE_ALL, type Wake } from '../../src/feed/wake.ts';

/** PostgreSQL refuses a longer one. */
const MOST_BYTES = 7_999;

function wakeOf(jobs: number, workers = 0, attempts = 0): Wake {
  const ids = (count: number) => new Set(Array.from({ length: count }, () => randomUUID()));
  return {
    jobIds: ids(jobs),
    workerIds: ids(workers),
    attemptIds: ids(attempts),
    mayHaveWork: jobs % 2 === 0,
    isEverything: false,
  };
}

describe('what gateways tell each other', () => {
  const sender = randomUUID();

  it.each([
    [1, 0, 0],
    [0, 3, 0],
    [0, 0, 1],
    [100, 100, 100],
  ])('arrives as it was sent: %i jobs, %i workers, %i logs', (jobs, workers, attempts) => {
    const message = { kind: 'wake', sender, wake: wakeOf(jobs, workers, attempts) } as const;
    const text = writeMessage(message);
    expect(text.length).toBeLessThanOrEqual(MOST_BYTES);
    expect(readMessage(text)).toEqual(message);
  });

  it('is that anything may have changed when it is too much to tell', () => {
    const text = writeMessage({ kind: 'wake', sender, wake: wakeOf(400) });
    expect(text.length).toBeLessThanOrEqual(MOST_BYTES);
    expect(readMessage(text)).toEqual({ kind: 'wake', sender, wake: WAKE_ALL });
    expect(readMessage(writeMessage({ kind: 'wake', sender, wake: WAKE_ALL }))).toMatchObject({ wake: WAKE_ALL });
  });

  it('is a greeting and its answer', () => {
    for (const kind of ['hello', 'here'] as const)
      expect(readMessage(writeMessage({ kind, sender }))).toEqual({ kind, sender });
  });

  it.each(['', 'hello', 'wake x', 'wake x w a b c d', 'wake x w !!! - -', 'drop table job'])(
    'is nothing when somebody else sends "%s"',
    (text) => expect(readMessage(text)).toBeNull(),
  );
});

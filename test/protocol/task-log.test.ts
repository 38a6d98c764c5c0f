import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm, storedId } from '../support/farm.ts';
import type { FarmWorker } from '../support/farm-worker.ts';
import { independent } from '../support/shape-job-type.ts';

const LIMIT = 100;
let farm: Farm;
let worker: FarmWorker;
let token: string;
let attemptId: string;
beforeAll(async () => {
  farm = await Farm.start({ logLimitBytes: LIMIT });
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

/** A worker with one attempt under way. */
async function beginAttempt(): Promise<void> {
  worker = await farm.worker();
  await farm.submit(independent(1));
  const assignment = (await worker.claim())!;
  token = assignment.attemptToken;
  attemptId = storedId(assignment.attempt.id);
}

async function readLog(): Promise<string> {
  const { rows } = await farm.query(
    `SELECT coalesce(string_agg(text, '' ORDER BY "offset"), '') AS log FROM task_log_chunk WHERE attempt_id = $1`,
    [attemptId],
  );
  return rows[0]!.log as string;
}

async function append(offset: number, text: string) {
  const { __typename, ...answer } = await worker.appendLog(token, offset, text);
  return answer.nextOffset === undefined ? __typename : { ...answer };
}

describe('a log', () => {
  it('takes piece after piece, counted in bytes of UTF-8', async () => {
    await beginAttempt();
    expect(await append(0, 'Fra:1 ')).toEqual({ nextOffset: 6, truncated: false });
    expect(await append(6, 'äöü😀')).toEqual({ nextOffset: 16, truncated: false });
    expect(await append(16, '\n')).toEqual({ nextOffset: 17, truncated: false });
    expect(await readLog()).toBe('Fra:1 äöü😀\n');
  });

  it('takes a repeated piece once', async () => {
    await beginAttempt();
    for (let i = 0; i < 3; i += 1) expect(await append(0, 'one ')).toEqual({ nextOffset: 4, truncated: false });
    expect(await append(4, 'two')).toEqual({ nextOffset: 7, truncated: false });
    expect(await append(0, 'one ')).toEqual({ nextOffset: 7, truncated: false });
    expect(await readLog()).toBe('one two');
  });

  it('takes of a piece that overlaps what is new in it', async () => {
    await beginAttempt();
    await append(0, 'one ');
    expect(await append(2, 'e two')).toEqual({ nextOffset: 7, truncated: false });
    expect(await readLog()).toBe('one two');
  });

  it('takes nothing beyond its end, and says which offset is wanted', async () => {
    await beginAttempt();
    await append(0, 'one ');
    expect(await append(10, 'three')).toEqual({ nextOffset: 4, truncated: false });
    expect(await readLog()).toBe('one ');
  });

  it('takes an empty piece for a question', async () => {
    await beginAttempt();
    await append(0, 'one ');
    for (const offset of [0, 4, 99]) expect(await append(offset, '')).toEqual({ nextOffset: 4, truncated: false });
  });

  it('keeps its lengths where a program prints NUL or half a surrogate pair', async () => {
    await beginAttempt();
    expect(await append(0, 'a\0b')).toEqual({ nextOffset: 3, truncated: false });
    expect(await append(3, '\ud800')).toEqual({ nextOffset: 6, truncated: false });
    expect(await append(6, 'c')).toEqual({ nextOffset: 7, truncated: false });
    expect(await readLog()).toBe('a\x1ab\ufffdc');
  });

  it('ends at its limit with a mark, never within a character; what follows is not kept and need not be sent', async () => {
    await beginAttempt();
    const text = `${'x'.repeat(LIMIT - 2)}😀😀`;
    expect(await append(0, text)).toEqual({ nextOffset: LIMIT - 2 + 8, truncated: true });
    expect(await readLog()).toBe(`${'x'.repeat(LIMIT - 2)}\n[log cut here: more than ${LIMIT} bytes]\n`);
    const before = await readLog();
    expect(await append(LIMIT + 6, 'more')).toEqual({ nextOffset: LIMIT + 10, truncated: true });
    expect(await append(0, 'again')).toEqual({ nextOffset: 5, truncated: true });
    expect(await readLog()).toBe(before);
  });

  it('that is exactly full has no mark until more comes', async () => {
    await beginAttempt();
    expect(await append(0, 'x'.repeat(LIMIT))).toEqual({ nextOffset: LIMIT, truncated: false });
    expect(await readLog()).toBe('x'.repeat(LIMIT));
    expect(await append(LIMIT, 'y')).toEqual({ nextOffset: LIMIT + 1, truncated: true });
    expect(await readLog()).toBe(`${'x'.repeat(LIMIT)}\n[log cut here: more than ${LIMIT} bytes]\n`);
  });

  it('of pieces that come twice at the same time holds each once', async () => {
    await beginAttempt();
    await Promise.all(Array.from({ length: 6 }, () => append(0, 'one ')));
    expect(await readLog()).toBe('one ');
  });
});

describe('whose log', () => {
  it('an attempt that has ended takes nothing more', async () => {
    await beginAttempt();
    await append(0, 'one ');
    await worker.fail(token);
    expect(await append(4, 'two')).toBe('StaleAttemptError');
    expect(await readLog()).toBe('one ');
  });

  it('a lost attempt takes more, because it may come back', async () => {
    await beginAttempt();
    await append(0, 'one ');
    await worker.signOn();
    expect(await append(4, 'two')).toEqual({ nextOffset: 7, truncated: false });
  });

  it('a lost attempt takes nothing more once another one has its task', async () => {
    await beginAttempt();
    await worker.signOn();
    const other = await farm.worker('other');
    await other.claim();
    expect(await append(0, 'text')).toBe('StaleAttemptError');
  });

  it('another worker may not write it, and a token that is none has none', async () => {
    await beginAttempt();
    const thief = await farm.worker('thief');
    expect(await thief.appendLog(token, 0, 'mine')).toMatchObject({ __typename: 'StaleAttemptError' });
    expect(await worker.appendLog('nonsense', 0, 'mine')).toMatchObject({ __typename: 'StaleAttemptError' });
    expect(await readLog()).toBe('');
  });

  it('an older session may not write it', async () => {
    await beginAttempt();
    const older = worker.sessionId;
    await worker.signOn();
    worker.sessionId = older;
    expect(await worker.appendLog(token, 0, 'text')).toMatchObject({
      __typename: 'SessionEndedError',
      reason: 'SIGNED_ON_ELSEWHERE',
    });
  });
});

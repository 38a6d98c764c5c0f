import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCursor, encodeCursor, encodeLogCursor } from '../../src/feed/cursor.ts';
import { comparePositions } from '../../src/feed/position.ts';

const IDENTITY = { epoch: 'abcdefghijklmn-_' };
const MAX_XID = 2n ** 64n - 1n;

const position = fc.record({
  xid: fc.bigInt(0n, MAX_XID).map(String),
  id: fc.integer({ min: 0, max: 999_999_999_999_999 }),
  offset: fc.integer({ min: 0, max: 100_000 }),
});

describe('a cursor', () => {
  it('says where it was made', () => {
    fc.assert(
      fc.property(position, fc.option(fc.integer({ min: 0, max: 4e12 })), (given, time) => {
        const seenAt = time === null ? null : new Date(time);
        const cursor = encodeCursor(IDENTITY, given, seenAt);
        expect(cursor).toMatch(/^[\w-]+$/);
        expect(decodeCursor(cursor)).toEqual({ stream: 'events', epoch: IDENTITY.epoch, position: given, seenAt });
      }),
    );
  });

  it('of a log says of which attempt', () => {
    const attemptId = randomUUID();
    const cursor = encodeLogCursor(IDENTITY, attemptId, 12_345);
    expect(decodeCursor(cursor)).toEqual({ stream: 'log', epoch: IDENTITY.epoch, attemptId, offset: 12_345 });
  });

  it('is none when it is anything else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(decodeCursor(text)).toBeNull();
      }),
    );
    const encode = (text: string) => Buffer.from(text).toString('base64url');
    const { epoch } = IDENTITY;
    for (const text of [
      `e.${epoch}.1.2`,
      `e.${epoch}.1.2.3.4.5`,
      `e.${epoch}.-1.2.3`,
      `e.short.1.2.3`,
      `e.${epoch}.${MAX_XID + 1n}.2.3`,
      `e.${epoch}.1.2.99999999999`,
      `l.${epoch}.not-a-uuid.5`,
      `x.${epoch}.1.2.3`,
    ])
      expect(decodeCursor(encode(text)), text).toBeNull();
  });
});

describe('the order of positions', () => {
  it('is that of transactions, of rows in them, of changes in those', () => {
    fc.assert(
      fc.property(position, position, (a, b) => {
        const key = ({ xid, id, offset }: typeof a) => [BigInt(xid), BigInt(id), BigInt(offset)];
        const [left, right] = [key(a), key(b)];
        const index = left.findIndex((value, at) => value !== right[at]);
        const expected = index < 0 ? 0 : left[index]! < right[index]! ? -1 : 1;
        expect(Math.sign(comparePositions(a, b))).toBe(expected);
      }),
    );
  });
});

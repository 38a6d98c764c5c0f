import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { measurePiece, showHarmlessly } from '../../src/feed/log-text.ts';

/** What terminals could take for an order, and what they may not: everything but line feed and tab. */
const HARMFUL = /[^\P{Cc}\n\t]/u;

const text = fc.string({
  unit: fc.constantFrom('a', 'ß', '€', '😀', '\n', '\r', '\r\n', '\t', '\u001b[2J', '\u009b', '\u007f', '\u0000'),
});

describe('the text of a log', () => {
  it('holds no control character but line feed and tab', () => {
    fc.assert(
      fc.property(text, (given) => {
        expect(showHarmlessly(given)).not.toMatch(HARMFUL);
      }),
    );
    expect(showHarmlessly('\u001b[31m\r\n\u0007\u0085')).toBe('␛[31m\n␇�');
  });

  it('is the same whatever pieces it is cut into', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 9 }), (given, length) => {
        let rest = Buffer.from(given);
        let shown = '';
        while (rest.length > 0) {
          const size = measurePiece(rest, length, true);
          expect(size).toBeGreaterThan(0);
          shown += showHarmlessly(rest.toString('utf8', 0, size));
          rest = rest.subarray(size);
        }
        expect(shown).toBe(showHarmlessly(given));
      }),
      { examples: [['\r\r\n', 1]], numRuns: 1_000 },
    );
  });

  it('waits with a carriage return at the end, as long as its line feed may follow', () => {
    expect(measurePiece(Buffer.from('50%\r'), 100, false)).toBe(3);
    expect(measurePiece(Buffer.from('\r'), 100, false)).toBe(0);
    expect(measurePiece(Buffer.from('\r'), 100, true)).toBe(1);
    expect(measurePiece(Buffer.from('\r\n'), 1, false)).toBe(2);
  });
});

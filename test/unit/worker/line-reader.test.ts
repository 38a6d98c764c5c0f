import { describe, expect, it } from 'vitest';
import { LineReader } from '../../../src/worker/line-reader.ts';

function read(chunks: (string | Buffer)[], marker?: string) {
  const lines: string[] = [];
  const events: string[] = [];
  const reader = new LineReader(
    (line) => lines.push(line),
    marker,
    (event) => events.push(event),
  );
  for (const chunk of chunks) reader.read(Buffer.from(chunk));
  reader.flush();
  return { lines, events };
}

describe('a line reader', () => {
  it('gives whole lines, however they arrive', () => {
    expect(read(['a', 'b\nc', 'd\n', '\ne']).lines).toEqual(['ab\n', 'cd\n', '\n', 'e']);
  });

  it('keeps a character whole that arrives in two parts, and replaces what is no UTF-8', () => {
    const film = Buffer.from('🎬\n');
    expect(read([film.subarray(0, 2), film.subarray(2)]).lines).toEqual(['🎬\n']);
    expect(read([Buffer.from([0x61, 0xff, 0x0a])]).lines).toEqual(['a\ufffd\n']);
  });

  it('picks out events, and joins the line that one was written into', () => {
    const { lines, events } = read(['one\nFra:1 ', '@m {"a":1}\nMem:2\n@m {"b"', ':2}\n'], '@m ');
    expect(lines).toEqual(['one\n', 'Fra:1 Mem:2\n']);
    expect(events).toEqual(['{"a":1}\n', '{"b":2}\n']);
  });

  it('takes nothing for an event that lacks the marker', () => {
    expect(read(['{"event":"end"}\n'], '@secret ').events).toEqual([]);
  });

  it('gives out a line without end in parts', () => {
    expect(read(Array.from({ length: 10 }, () => 'x'.repeat(40_000))).lines.length).toBeGreaterThan(3);
  });
});

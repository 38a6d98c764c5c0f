import { ReadableStream } from 'node:stream/web';
import { findLoggedAttempt, findLogStart, type LoggedAttempt, readLogBytes } from '../feed/log-bytes.ts';
import { decodeId } from '../graphql/global-id.ts';
import type { Store } from '../store/store.ts';
import type { Caller } from './caller.ts';
import { refuse } from './errors.ts';
import type { Route } from './routes.ts';

export interface LogRouteDeps {
  readonly store: Pick<Store, 'pool'>;
  /** @throws GraphQLError UNAUTHENTICATED for a token that nobody has */
  authenticate(caller: Caller): Promise<unknown>;
}

/** What one statement reads, in bytes: a log is never in memory as a whole. */
const STEP_BYTES = 262_144;

/**
 * `/logs/ATTEMPT`: the log of an attempt as its programs have printed it, byte for byte, as plain text that no browser takes
 * for anything else. It may still grow; `Range` reads on from where one was, or the end of it (`bytes=-10000`).
 */
export function logRoute({ store, authenticate }: LogRouteDeps): Route {
  return {
    path: '/logs/ATTEMPT',
    methods: ['GET'],
    async answer(request, { caller, parameters }) {
      await authenticate(caller);
      const id = decodeId('Attempt', parameters.ATTEMPT ?? '');
      const attempt = id && (await findLoggedAttempt(store.pool, id));
      if (!attempt) return refuse('NOT_FOUND', 'There is no attempt with this id; Attempt.logUrl gives its address.');
      // Days that are past their retention are gone: what is left of the log is the log.
      const base = await findLogStart(store.pool, attempt);
      const length = attempt.logBytes - base;
      const range = readRange(request.headers.get('range'), length);
      if (range === 'unsatisfiable') {
        const message = `The log has ${length} bytes so far: that range is not in it.`;
        return refuse('BAD_REQUEST', message, { status: 416, headers: { 'Content-Range': `bytes */${length}` } });
      }
      const { start, end } = range ?? { start: 0, end: length };
      const headers = {
        'Content-Type': 'text/plain; charset=utf-8',
        'Content-Length': String(end - start),
        'Accept-Ranges': 'bytes',
        ...(range && { 'Content-Range': `bytes ${start}-${end - 1}/${length}` }),
      };
      const hasBody = request.method !== 'HEAD' && end > start;
      const body = hasBody ? ReadableStream.from(readSteps(store, attempt, base + start, base + end)) : null;
      return new Response(body as BodyInit | null, { status: range ? 206 : 200, headers });
    },
  };
}

async function* readSteps(
  { pool }: LogRouteDeps['store'],
  attempt: LoggedAttempt,
  from: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  for (let at = from; at < end; at += STEP_BYTES) {
    const { start, bytes } = await readLogBytes(pool, attempt, at, Math.min(at + STEP_BYTES, end));
    // Its length has been promised: a connection that breaks is better than text that does not fit.
    if (start > at) throw new Error(`The log of attempt ${attempt.id} was dropped while it was read.`);
    yield bytes;
  }
}

interface ByteRange {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** One range; null for none, and for what may be ignored: several, other units (RFC 9110, 14.2). */
function readRange(header: string | null, length: number): ByteRange | 'unsatisfiable' | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? [];
  if (first === '' && last === '') return null;
  if (first === '') {
    const start = Math.max(0, length - Number(last));
    return start < length ? { start, end: length } : 'unsatisfiable';
  }
  if (last !== '' && Number(last) < Number(first)) return null;
  const end = last === '' ? length : Math.min(length, Number(last) + 1);
  return Number(first) < length ? { start: Number(first), end } : 'unsatisfiable';
}

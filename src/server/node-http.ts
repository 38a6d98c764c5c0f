import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { type Duplex, Readable } from 'node:stream';
import { refuse } from './errors.ts';
import { writeEventStream } from './event-stream.ts';
import type { SenderHeaders } from './origin.ts';

/**
 * The longest request body and WebSocket message, in bytes. The longest that anyone needs is a submission with 256 KiB of
 * settings and some ten thousand files that the job reads; parsing this much JSON stalls the gateway for about 50 ms.
 */
export const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;

export function readSenderHeaders({ headers }: IncomingMessage): SenderHeaders {
  return {
    host: headers.host ?? null,
    origin: headers.origin ?? null,
    fetchSite: readHeader(headers['sec-fetch-site']),
    fetchMode: readHeader(headers['sec-fetch-mode']),
  };
}

function readHeader(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

/**
 * Reads a request's body, at most `MAX_PAYLOAD_BYTES` of it, whatever Content-Length says.
 * @returns PAYLOAD_TOO_LARGE as an answer; what still comes then is thrown away, since most clients read only after
 *   they have sent everything, and Node's `requestTimeout` ends those that never do
 */
export async function readBody(message: IncomingMessage): Promise<Buffer<ArrayBuffer> | Response> {
  const chunks: Buffer[] = [];
  let length = Number(message.headers['content-length'] ?? 0);
  if (length <= MAX_PAYLOAD_BYTES) {
    length = 0;
    for await (const chunk of message.iterator({ destroyOnReturn: false })) {
      length += chunk.length;
      if (length > MAX_PAYLOAD_BYTES) break;
      chunks.push(chunk);
    }
  }
  if (length <= MAX_PAYLOAD_BYTES) return Buffer.concat(chunks);
  message.resume();
  return refuse('PAYLOAD_TOO_LARGE', `The request is longer than ${MAX_PAYLOAD_BYTES} bytes: send it in parts.`);
}

/** Whether the body lasts as long as the client wants it, and not until some content ends. */
export function isEventStream(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
}

/**
 * Writes a Response to Node's. The body is read only as fast as the client takes it.
 * @param signal when it aborts, an event stream ends cleanly but without the event that says it is complete, so that a
 *   client knows to come back
 * @throws what the body throws
 */
export async function writeResponse(response: Response, target: ServerResponse, signal: AbortSignal): Promise<void> {
  if (target.destroyed || target.writableEnded) return;
  target.setHeaders(response.headers);
  target.writeHead(response.status);
  if (target.req.method === 'HEAD' || response.body === null) {
    void response.body?.cancel();
    target.end();
  } else if (isJson(response)) {
    target.end(await response.text()); // a string already: no stream, and one packet
  } else {
    await pipeBody(response, target, signal);
  }
}

function isJson(response: Response): boolean {
  return response.headers.get('content-type')?.includes('json') ?? false;
}

async function pipeBody(response: Response, target: ServerResponse, signal: AbortSignal): Promise<void> {
  target.flushHeaders();
  if (writeEventStream(response, target, signal)) return;
  // Not in object mode: that would read ahead by messages, however long they are.
  const source = Readable.from(response.body!, { objectMode: false });
  const endStream = () => {
    source.unpipe(target);
    target.end();
    source.destroy();
  };
  if (isEventStream(response)) signal.addEventListener('abort', endStream, { once: true });
  await new Promise<void>((resolve, reject) => {
    source.once('error', reject);
    target.once('close', resolve);
    source.pipe(target);
    if (signal.aborted && isEventStream(response)) endStream();
  });
  source.destroy();
}

/** Answers a request for another protocol, for which Node gives only the bare socket. */
export async function writeToSocket(response: Response, socket: Duplex): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer());
  const headers = [...response.headers, ['Content-Length', String(body.length)], ['Connection', 'close']];
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.write(`HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ''}\r\n${lines}\r\n`);
  socket.end(body);
}

import { createClient } from 'graphql-ws';
import { type Logger, pino } from 'pino';
import { afterEach } from 'vitest';
import { WebSocket } from 'ws';
import { type App, type AppDeps, createApp } from '../../src/server/app.ts';

/** A logger whose lines a test can read. */
export interface Log {
  readonly logger: Logger;
  readonly lines: readonly Record<string, unknown>[];
}

export function captureLog(): Log {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'trace' }, { write: (line) => void lines.push(JSON.parse(line)) });
  return { logger, lines };
}

export interface RunningServer {
  readonly app: App;
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly log: Log;
}

const servers: App[] = [];
afterEach(async () => {
  for (const app of servers.splice(0)) await app.close(0);
});

export function createTestApp(deps: Pick<AppDeps, 'schema' | 'createContext'> & Partial<AppDeps>): {
  app: App;
  log: Log;
} {
  const log = captureLog();
  const app = createApp({
    logger: log.logger,
    version: '1.2.3',
    host: '127.0.0.1',
    port: 4000,
    allowAnonymous: false,
    isReady: async () => ({ ok: true, reasons: [] }),
    isDatabaseUnavailable: () => false,
    exampleOperations: [],
    ...deps,
  });
  return { app, log };
}

/** Listens on a free port until the test ends. */
export async function startServer(deps: Parameters<typeof createTestApp>[0]): Promise<RunningServer> {
  const { app, log } = createTestApp({ port: 0, ...deps });
  servers.push(app);
  const { url, port } = await app.listen();
  return { app, url, port, log };
}

export interface GraphqlAnswer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { message: string; path?: unknown[]; extensions?: Record<string, unknown> }[];
}

export interface Operation {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
}

/** The two ways to the gateway, as one, for cases that must hold over both. */
export interface Transport {
  readonly name: string;
  execute(url: string, operation: Operation, authorization?: string): Promise<GraphqlAnswer>;
  subscribe(url: string, operation: Operation, authorization?: string): AsyncGenerator<GraphqlAnswer>;
}

export function postJson(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

const http: Transport = {
  name: 'HTTP',
  async execute(url, operation, authorization) {
    const response = await postJson(url, operation, authorization ? { Authorization: authorization } : {});
    return (await response.json()) as GraphqlAnswer;
  },
  async *subscribe(url, operation, authorization) {
    const abort = new AbortController();
    const headers = { 'Content-Type': 'application/json', Accept: 'text/event-stream' };
    try {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: authorization ? { ...headers, Authorization: authorization } : headers,
        body: JSON.stringify(operation),
        signal: abort.signal,
      });
      for await (const event of readEvents(response)) {
        if (event.type === 'complete') return;
        yield JSON.parse(event.data);
      }
      throw new StreamCut();
    } finally {
      abort.abort();
    }
  },
};

const webSocket: Transport = {
  name: 'WebSocket',
  async execute(url, operation, authorization) {
    for await (const answer of this.subscribe(url, operation, authorization)) return answer;
    throw new Error('completed without an answer');
  },
  async *subscribe(url, operation, authorization) {
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      connectionParams: authorization ? { authorization } : undefined,
    });
    try {
      yield* client.iterate(operation) as AsyncGenerator<GraphqlAnswer>;
    } catch (error) {
      if (Array.isArray(error)) yield { errors: error };
      else if (error instanceof Error) throw error;
      else throw new StreamCut(error as { code: number; reason: string });
    } finally {
      await client.dispose();
    }
  },
};

/** The stream ended, but nobody said that it is complete: a client comes back. */
export class StreamCut extends Error {
  /** Why the WebSocket was closed; undefined over HTTP. */
  readonly code: number | undefined;

  constructor(close?: { code: number; reason: string }) {
    super(`The stream was cut: ${close?.code ?? ''} ${close?.reason ?? ''}`);
    this.code = close?.code;
  }
}

export const TRANSPORTS: readonly Transport[] = [http, webSocket];

export interface ServerSentEvent {
  readonly type: string;
  readonly data: string;
}

export async function* readEvents(response: Response): AsyncGenerator<ServerSentEvent> {
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const read = (field: string) =>
        lines
          .find((line) => line.startsWith(`${field}:`))
          ?.slice(field.length + 1)
          .trim();
      const type = read('event');
      if (type !== undefined) yield { type, data: read('data') ?? '' };
    }
  }
}

import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { WebSocket } from 'ws';

/** A subscriber that can stop reading at its socket: everything on the way to it fills up. */
export interface PausableReader {
  pause(): void;
  resume(): void;
  close(): void;
}

export interface PausableTransport {
  readonly name: string;
  /** @param take is given each message as text, without what the transport puts around it */
  open(
    url: string,
    operation: { query: string; variables?: object },
    take: (text: string) => void,
  ): Promise<PausableReader>;
}

export const PAUSABLE_TRANSPORTS: readonly PausableTransport[] = [
  {
    name: 'WebSocket',
    async open(url, operation, take) {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
      await once(socket, 'open');
      socket.send('{"type":"connection_init"}');
      await once(socket, 'message');
      socket.on('message', (data) => take(String(data)));
      socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: operation }));
      await once(socket, 'message');
      return { pause: () => socket.pause(), resume: () => socket.resume(), close: () => socket.terminate() };
    },
  },
  {
    name: 'server-sent events',
    async open(url, operation, take) {
      const headers = { 'Content-Type': 'application/json', Accept: 'text/event-stream' };
      const outgoing: ClientRequest = request(`${url}/graphql`, { method: 'POST', headers, agent: false });
      outgoing.end(JSON.stringify(operation));
      const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
      let isOpen: () => void = () => {};
      const opened = new Promise<void>((resolve) => {
        isOpen = resolve;
      });
      let rest = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => {
        const events = (rest + chunk).split('\n\n');
        rest = events.pop() ?? '';
        for (const event of events) {
          const data = event.startsWith('event: next\n') && event.slice(event.indexOf('data: ') + 6);
          if (data) take(data);
          if (data) isOpen();
        }
      });
      incoming.on('error', () => {});
      await opened;
      return { pause: () => incoming.pause(), resume: () => incoming.resume(), close: () => outgoing.destroy() };
    },
  },
];

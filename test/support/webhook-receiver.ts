import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What a receiver got, in order. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly message: JobMessage;
}
export interface JobMessage {
  readonly type: string;
  readonly timestamp: string;
  readonly data: {
    readonly job: Record<string, unknown> & { id: string; name: string | null };
    readonly actor: string;
  };
}

/** Somebody who is told of jobs. By default everything is taken. */
export class WebhookReceiver {
  readonly received: Received[] = [];
  /** Answers instead of the usual 204. */
  answer: (response: ServerResponse) => void = (response) => response.writeHead(204).end();
  private readonly server: Server;

  private constructor() {
    this.server = createServer(async (request, response) => {
      const body = String(await buffer(request));
      this.received.push({ headers: request.headers, body, message: JSON.parse(body) });
      this.answer(response);
    });
  }

  static async start(): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    await new Promise<void>((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook?token=secret`;
  }

  /** The ids of the jobs that it was told of. */
  get jobs(): string[] {
    return this.received.map(({ message }) => message.data.job.id);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export const refuse = (response: ServerResponse) => response.writeHead(500).end('no');

import { randomUUID } from 'node:crypto';
import { readMessage, writeMessage } from './gateway-message.ts';
import { joinWakes, type Wake } from './wake.ts';

export interface GatewayLinkOptions {
  /** Sends to every gateway on the database, this one included; what is lost is lost, since the others poll too. */
  post(payload: string): void;
  /** Called when this gateway hears itself: notifications come through. */
  onHearing(): void;
  /** Called with what another gateway has changed. */
  onWake(wake: Wake): void;
}

/** The least time between two notifications, in ms: what happens meanwhile goes out together. */
const GAP_MS = 20;

/**
 * Tells the other gateways on the database what this one has changed, and hears them. A gateway that is alone sends
 * nothing but its greeting: each notification is a transaction of its own, and serialises with others at its commit.
 */
export class GatewayLink {
  private readonly id = randomUUID();
  private readonly options: GatewayLinkOptions;
  private readonly others = new Set<string>();
  private outgoing: Wake | null = null;
  private isBusy = false;

  constructor(options: GatewayLinkOptions) {
    this.options = options;
  }

  /** To be called with each new connection. */
  greet(): void {
    this.options.post(writeMessage({ kind: 'hello', sender: this.id }));
  }

  announce(wake: Wake): void {
    if (this.others.size === 0) return;
    this.outgoing = this.outgoing ? joinWakes(this.outgoing, wake) : wake;
    if (!this.isBusy) void this.send();
  }

  hear(payload: string): void {
    const message = readMessage(payload);
    if (!message) return;
    if (message.sender === this.id) {
      this.options.onHearing();
      return;
    }
    this.others.add(message.sender);
    if (message.kind === 'hello') this.options.post(writeMessage({ kind: 'here', sender: this.id }));
    if (message.kind === 'wake') this.options.onWake(message.wake);
  }

  private async send(): Promise<void> {
    this.isBusy = true;
    while (this.outgoing) {
      const wake = this.outgoing;
      this.outgoing = null;
      const gap = new Promise((resolve) => setTimeout(resolve, GAP_MS).unref());
      this.options.post(writeMessage({ kind: 'wake', sender: this.id, wake }));
      await gap;
    }
    this.isBusy = false;
  }
}

import type { Logger } from 'pino';
import { type ClaimedNotice, claimNotices, deleteNotice } from '../store/claim-notices.ts';
import type { Store } from '../store/store.ts';
import { signMessage } from './secret.ts';
import { sendMessage } from './send-message.ts';

/** A slow receiver is sent no more than this at once. */
const AT_ONCE = 4;

export interface Delivery {
  readonly store: Store;
  readonly url: string;
  readonly key: Buffer;
  readonly userAgent: string;
  /** The pause (ms) after each try but the last. */
  readonly pausesMs: readonly number[];
  readonly logger: Logger;
  /** Aborted when there is no more time for what is under way. */
  readonly signal: AbortSignal;
}

/**
 * Sends what is due, a few at once.
 *
 * @returns how many there were
 */
export async function deliverDue(delivery: Delivery): Promise<number> {
  const { store, url, pausesMs } = delivery;
  const notices = await claimNotices(store, url, AT_ONCE, pausesMs);
  await Promise.all(notices.map((notice) => deliver(delivery, notice)));
  return notices.length;
}

async function deliver(delivery: Delivery, notice: ClaimedNotice): Promise<void> {
  const { store, url, key, userAgent, pausesMs, logger, signal } = delivery;
  const { id, body, tries } = notice;
  const most = pausesMs.length + 1;
  // More than that: a gateway died over the last one.
  const fault =
    tries > most
      ? 'the gateway ended over it'
      : await sendMessage(url, body, { 'User-Agent': userAgent, ...signMessage(key, notice, store.now()) }, signal);
  // Where it goes may hold a secret in its path.
  const facts = { notice: id, receiver: new URL(url).host, tries, reason: fault };
  if (fault === null) await deleteNotice(store, id);
  else if (tries < most) logger.warn(facts, 'A job notice was not taken; it is sent again');
  else {
    await deleteNotice(store, id);
    logger.error(facts, 'A job notice is given up');
  }
}

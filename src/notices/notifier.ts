import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Feed } from '../feed/feed.ts';
import { deleteNoticesBefore, findNextNotice } from '../store/claim-notices.ts';
import { collectNotices } from './collect-notices.ts';
import { deliverDue } from './deliver-notices.ts';

export interface NotifierOptions {
  readonly feed: Feed;
  readonly urls: readonly string[];
  /** What messages are signed with. */
  readonly key: Buffer;
  readonly version: string;
  readonly logger: Logger;
  /** The pause (ms) after the first try, the second, …; after one more it is given up. */
  readonly pausesMs?: readonly number[];
}

/** Ten tries in half a day: a receiver that is being repaired misses nothing. The first one outlasts a try. */
const PAUSES_MS = [10, 30, 90, 300, 900, 2_700, 7_200, 14_400, 14_400].map((seconds) => seconds * 1000);
/** Longer than the tries take; of a webhook that nobody serves any more. */
const NOTICE_LIFE_MS = 7 * 86_400_000;
/** How often (ms) it is looked what other gateways have left. */
const POLL_MS = 10_000;
/** After a fault of the database (ms). */
const FAULT_PAUSE_MS = 1_000;
/** For what is under way when the gateway ends (ms). */
const GRACE_MS = 2_000;

/** Tells webhooks that jobs have ended. */
export interface Notifier {
  start(): void;
  /** Resolves when nothing of it runs any more; what was not sent is sent after the next start. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Makes the notifier of one gateway. Any number of them beside each other send each notice once: who makes it, and who
 * sends it, is decided in the database. It reads the event feed like a client, so nothing that it does is in anybody's way.
 */
export function createNotifier(options: NotifierOptions): Notifier {
  const { feed, urls, key, version, logger, pausesMs = PAUSES_MS } = options;
  const { store } = feed;
  const stopping = new AbortController();
  const breakingOff = new AbortController();
  let loops: Promise<unknown>[] = [];
  let stopped: Promise<void> | undefined;

  /** Again and again, whatever fails on the way. */
  async function repeat(what: () => Promise<void>, url: string): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await what();
      } catch (error) {
        if (stopping.signal.aborted) return;
        logger.warn({ receiver: new URL(url).host, reason: (error as Error).message }, 'Job notices have to wait');
        await delay(FAULT_PAUSE_MS, undefined, { signal: stopping.signal }).catch(() => {});
      }
    }
  }

  function serve(url: string): Promise<void>[] {
    let alarm = new AbortController();
    const collect = async () => {
      const reason = await collectNotices(feed, url, () => alarm.abort(), stopping.signal);
      if (reason) logger.warn({ receiver: new URL(url).host, reason }, 'Job notices begin anew: some may be missing');
    };
    const delivery = {
      ...{ store, url, key, pausesMs, logger },
      userAgent: `Tablao/${version}`,
      signal: breakingOff.signal,
    };
    const deliver = async () => {
      alarm = new AbortController();
      if ((await deliverDue(delivery)) > 0) return;
      const next = await findNextNotice(store, url);
      const pauseMs = next ? Math.min(POLL_MS, next.getTime() - store.now().getTime()) : POLL_MS;
      const signal = AbortSignal.any([alarm.signal, stopping.signal]);
      await delay(Math.max(0, pauseMs), undefined, { signal }).catch(() => {});
    };
    return [repeat(collect, url), repeat(deliver, url)];
  }

  return {
    start() {
      const clearing = deleteNoticesBefore(store, new Date(store.now().getTime() - NOTICE_LIFE_MS)).catch(() => {});
      loops = [clearing, ...urls.flatMap(serve)];
    },
    stop() {
      stopped ??= (async () => {
        stopping.abort();
        const grace = setTimeout(() => breakingOff.abort(), GRACE_MS);
        await Promise.all(loops);
        clearTimeout(grace);
      })();
      return stopped;
    },
  };
}

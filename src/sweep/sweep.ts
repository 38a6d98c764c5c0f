import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { deleteOldEvents } from '../store/delete-old-events.ts';
import { endLeases, endTimedOutAttempts, endUnconfirmedStops } from '../store/end-overdue-attempts.ts';
import { keepLogPartitions } from '../store/log-partitions.ts';
import type { Store } from '../store/store.ts';

/** How often leases and time limits are looked at, in ms: what they end is told to people in seconds. */
const LIMITS_EVERY_MS = 1_000;
/** How often old logs and events are dropped, in ms. */
const RETENTION_EVERY_MS = 3_600_000;

/** What the clock demands of a gateway. */
export interface Sweep {
  /** Ends leases, time limits and unconfirmed orders that are due now. */
  endWhatIsDue(): Promise<void>;
  /** Drops what is past its retention and makes room for the logs of the next day. */
  dropWhatIsOld(): Promise<void>;
  start(): void;
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

/**
 * Makes the sweep of one gateway. It knows since when the gateway has been up and connected: a lease counts only while
 * the worker could have been heard.
 */
export function createSweep(store: Store, logger: Logger): Sweep {
  let upSince = store.now();
  let isConnected = true;
  const stopping = new AbortController();
  let loops: Promise<void>[] = [];

  async function endWhatIsDue(): Promise<void> {
    try {
      await store.pool.query('SELECT 1');
    } catch (error) {
      isConnected = false;
      throw error;
    }
    if (!isConnected) upSince = store.now();
    isConnected = true;
    await endLeases(store, upSince);
    await endTimedOutAttempts(store, upSince);
    await endUnconfirmedStops(store, upSince);
  }

  async function dropWhatIsOld(): Promise<void> {
    await keepLogPartitions(store);
    await deleteOldEvents(store);
  }

  async function repeat(what: () => Promise<void>, everyMs: number, name: string): Promise<void> {
    const { signal } = stopping;
    while (!signal.aborted) {
      await what().catch((error: Error) =>
        logger.warn({ reason: error.message }, `The sweep of ${name} failed; it is tried again`),
      );
      await delay(everyMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  return {
    endWhatIsDue,
    dropWhatIsOld,
    start() {
      loops = [
        repeat(endWhatIsDue, LIMITS_EVERY_MS, 'leases and time limits'),
        repeat(dropWhatIsOld, RETENTION_EVERY_MS, 'old logs and events'),
      ];
    },
    async stop() {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

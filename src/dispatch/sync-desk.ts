import type { CommittedChange } from '../store/store.ts';
import type { SyncAnswer, SyncCall, SyncResult } from '../store/sync-call.ts';

/** Calls that one transaction answers at most. */
const MAX_BATCH = 256;
/** A stop or a request that was told this long ago (ms) and still stands is told again at once: the answer may be lost. */
const TELL_AGAIN_MS = 5_000;
/** Sessions that were not heard of for this long (ms) are forgotten. */
const FORGET_AFTER_MS = 600_000;

interface Entry {
  call: SyncCall;
  /** When it must be answered (ms since the epoch). */
  readonly deadline: number;
  readonly resolve: (result: SyncResult) => void;
  readonly reject: (error: unknown) => void;
  /** Something happened while it was looked at: look again instead of holding it. */
  isPoked: boolean;
  /** A newer call of the session is there, or its caller has gone: answer it with what there is. */
  isOver: boolean;
  timer?: NodeJS.Timeout | undefined;
}

interface Session {
  entry: Entry | null;
  /** What the worker was told and when (ms): it is no news a second time. */
  readonly told: Map<string, number>;
  lastCall: number;
}

/**
 * Where workers' calls wait. They are answered in batches, one batch in flight: the next takes what came in meanwhile,
 * without a timer. A call with nothing to say is held until there is, or until its wait ends.
 */
export class SyncDesk {
  private readonly sync: (calls: readonly SyncCall[]) => Promise<SyncResult[]>;
  private readonly clock: () => number;
  private readonly sessions = new Map<string, Session>();
  private queue: Entry[] = [];
  private readonly held = new Set<Entry>();
  private inFlight: readonly Entry[] = [];
  private isClosed = false;

  constructor(sync: (calls: readonly SyncCall[]) => Promise<SyncResult[]>, clock: () => number = Date.now) {
    this.sync = sync;
    this.clock = clock;
  }

  /** Answers a worker's call, at once or within `waitMs`; earlier when the caller has gone. */
  answer(call: SyncCall, waitMs: number, gone?: AbortSignal): Promise<SyncResult> {
    return new Promise((resolve, reject) => {
      const now = this.clock();
      const session = this.sessionOf(call, now);
      const entry: Entry = { call, deadline: now + waitMs, resolve, reject, isPoked: false, isOver: false };
      if (session.entry) this.finish(session.entry);
      session.entry = entry;
      this.queue.push(entry);
      if (gone?.aborted) this.finish(entry);
      gone?.addEventListener('abort', () => this.finish(entry), { once: true });
      void this.run();
    });
  }

  /** To be called after every commit: whoever may be concerned is looked at again. */
  poke(change: CommittedChange): void {
    const isConcerned = ({ call }: Entry) =>
      change.workerIds.has(call.workerId) || (change.mayHaveWork && call.freeSlots > 0 && call.status === 'AWAKE');
    for (const entry of this.inFlight) if (isConcerned(entry)) entry.isPoked = true;
    for (const entry of this.held) if (isConcerned(entry)) this.lookAgain(entry);
  }

  /** Answers everything that is held, and holds nothing any more. */
  close(): void {
    this.isClosed = true;
    for (const entry of this.held) this.finish(entry);
  }

  private async run(): Promise<void> {
    if (this.inFlight.length > 0) return;
    while (this.queue.length > 0) {
      this.inFlight = this.takeBatch();
      try {
        const results = await this.sync(this.inFlight.map((entry) => entry.call));
        for (const [index, entry] of this.inFlight.entries()) this.decide(entry, results[index]!);
      } catch (error) {
        for (const entry of this.inFlight) this.settle(entry, () => entry.reject(error));
      }
      this.inFlight = [];
    }
  }

  /** One call of a worker at a time: two in one transaction would each count the same free slot. */
  private takeBatch(): Entry[] {
    const workers = new Set<string>();
    const batch: Entry[] = [];
    const later: Entry[] = [];
    for (const entry of this.queue) {
      const fits = batch.length < MAX_BATCH && !workers.has(entry.call.workerId);
      if (fits) workers.add(entry.call.workerId);
      (fits ? batch : later).push(entry);
    }
    this.queue = later;
    return batch;
  }

  private decide(entry: Entry, result: SyncResult): void {
    if (this.mustAnswer(entry, result)) {
      this.settle(entry, () => entry.resolve(result));
      return;
    }
    // Its reports are taken; from here on it only waits.
    entry.call = { ...entry.call, reports: [], isHeld: true };
    if (entry.isPoked) {
      this.lookAgain(entry);
      return;
    }
    this.held.add(entry);
    const until = Math.min(entry.deadline, 'ended' in result ? 0 : result.retryAt);
    entry.timer = setTimeout(() => this.lookAgain(entry), Math.max(0, until - this.clock()));
    entry.timer.unref();
  }

  private mustAnswer(entry: Entry, result: SyncResult): boolean {
    const now = this.clock();
    return (
      'ended' in result || this.takeNews(entry, result, now) || entry.isOver || this.isClosed || entry.deadline <= now
    );
  }

  private lookAgain(entry: Entry): void {
    this.held.delete(entry);
    clearTimeout(entry.timer);
    entry.isPoked = false;
    this.queue.push(entry);
    void this.run();
  }

  /** Answers a call as soon as it is not being looked at. */
  private finish(entry: Entry): void {
    entry.isOver = true;
    // Nobody may read the answer any more: it must not hold work.
    entry.call = { ...entry.call, freeSlots: 0 };
    if (this.held.has(entry)) this.settle(entry, () => entry.resolve(NOTHING));
  }

  private settle(entry: Entry, answer: () => void): void {
    this.held.delete(entry);
    clearTimeout(entry.timer);
    const session = this.sessions.get(sessionKey(entry.call));
    if (session?.entry === entry) session.entry = null;
    answer();
  }

  /** Whether the answer says something that the worker was not told a moment ago. */
  private takeNews(entry: Entry, answer: SyncAnswer, now: number): boolean {
    const { told } = this.sessionOf(entry.call, now);
    const said = answer.stops.map(({ token, reason }) => `${token} ${reason}`);
    if (answer.requestedStatus) said.push(answer.requestedStatus);
    const news = said.filter((item) => now - (told.get(item) ?? Number.NEGATIVE_INFINITY) >= TELL_AGAIN_MS);
    for (const item of told.keys()) if (!said.includes(item)) told.delete(item);
    for (const item of news) told.set(item, now);
    return news.length > 0 || answer.assignments.length > 0 || answer.reports.length > 0;
  }

  private sessionOf(call: SyncCall, now: number): Session {
    const key = sessionKey(call);
    const known = this.sessions.get(key);
    if (known) {
      known.lastCall = now;
      return known;
    }
    for (const [old, session] of this.sessions)
      if (!session.entry && now - session.lastCall > FORGET_AFTER_MS) this.sessions.delete(old);
    const session: Session = { entry: null, told: new Map(), lastCall: now };
    this.sessions.set(key, session);
    return session;
  }
}

const NOTHING: SyncAnswer = {
  assignments: [],
  stops: [],
  reports: [],
  requestedStatus: null,
  retryAt: Number.POSITIVE_INFINITY,
};

function sessionKey({ workerId, sessionNumber }: SyncCall): string {
  return `${workerId} ${sessionNumber}`;
}

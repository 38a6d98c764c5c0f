import type { AttemptReport, EndEvent, Output, Progress } from './gateway-client.ts';
import type { Journal } from './journal.ts';
import type { Clock, Moment } from './moment.ts';

/** More often nobody looks at it, and each costs a call. */
const PROGRESS_INTERVAL_MS = 1000;
/** A timer may fire a little early. */
const TIMER_SLACK_MS = 5;
/** An answer of a second is bearable for the gateway; the rest follows in the next call. */
const MOST_REPORTS = 100;
/** Of one report; the rest follows in the next. */
const MOST_OUTPUTS = 1000;

interface Sender {
  sequence: number;
  progress: Progress | undefined;
  /** Files that the gateway has not been told of, or has not said that it knows. */
  outputs: Output[];
  /** How many of these the report with that sequence held. */
  told: { sequence: number; count: number };
  progressSentAt: Moment;
}

/**
 * What the gateway is to be told: the newest progress of each attempt, at most once a second, and every end, in order,
 * once, however long the gateway is away.
 */
export class Outbox {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #senders = new Map<string, Sender>();
  readonly #unready = new Set<string>();
  #onChange: () => void = () => {};

  constructor(journal: Journal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  /** Called when there is something new to send. */
  set onChange(callback: () => void) {
    this.#onChange = callback;
  }

  /** A new attempt: its first progress is not due before it has run for a second. */
  begin(attemptToken: string): void {
    this.#senders.set(attemptToken, {
      sequence: 0,
      progress: undefined,
      outputs: [],
      told: { sequence: 0, count: 0 },
      progressSentAt: this.#clock.now(),
    });
  }

  progress(attemptToken: string, progress: Progress): void {
    const sender = this.#senders.get(attemptToken);
    if (sender === undefined) return;
    const isFirst = sender.progress === undefined;
    const { outputs = [], ...newest } = progress;
    sender.progress = newest;
    sender.outputs.push(...outputs);
    if (isFirst) setTimeout(() => this.#onChange(), Math.max(0, this.#untilDue(sender)) + TIMER_SLACK_MS).unref();
  }

  /**
   * It is on disk when this returns.
   * @param ready settles when the report may be sent: the log comes first
   * @throws when the disk refuses; the report is sent nevertheless
   */
  end(attemptToken: string, event: EndEvent, ready: Promise<void>): void {
    const sequence = (this.#senders.get(attemptToken)?.sequence ?? 0) + 1;
    this.#senders.delete(attemptToken);
    this.#unready.add(attemptToken);
    void ready.finally(() => {
      this.#unready.delete(attemptToken);
      this.#onChange();
    });
    this.#journal.add({ attemptToken, sequence, at: new Date().toISOString(), event });
  }

  /** Takes the place of an end report that the gateway cannot take. */
  replaceEnd(report: AttemptReport, event: EndEvent): void {
    this.#journal.add({ ...report, event });
    this.#onChange();
  }

  /** Attempts that have ended but whose report may not be sent yet. */
  get unready(): ReadonlySet<string> {
    return this.#unready;
  }

  /** Ends that the gateway has not taken yet. */
  get undelivered(): number {
    return this.#journal.pending.length;
  }

  /** What may be sent now. */
  get hasNews(): boolean {
    return this.#journal.pending.some((report) => !this.#unready.has(report.attemptToken)) || this.#due().length > 0;
  }

  /**
   * The reports of the next call. Progress is forgotten by this: if the call fails, the next one is newer. Files are told
   * again until the gateway has taken them.
   */
  take(): AttemptReport[] {
    const ends = this.#journal.pending.filter((report) => !this.#unready.has(report.attemptToken));
    const reports = ends.slice(0, MOST_REPORTS);
    for (const [attemptToken, sender] of this.#due()) {
      const { progress } = sender;
      if (progress === undefined) continue;
      sender.sequence += 1;
      sender.progress = undefined;
      sender.progressSentAt = this.#clock.now();
      const outputs = sender.outputs.slice(0, MOST_OUTPUTS);
      sender.told = { sequence: sender.sequence, count: outputs.length };
      const event = { progress: outputs.length > 0 ? { ...progress, outputs } : progress };
      reports.push({ attemptToken, sequence: sender.sequence, at: new Date().toISOString(), event });
    }
    return reports;
  }

  /** The gateway took this report, or never will. */
  settle(attemptToken: string, sequence: number): void {
    const sender = this.#senders.get(attemptToken);
    if (sender?.told.sequence === sequence) {
      sender.outputs.splice(0, sender.told.count);
      sender.told.count = 0;
    }
    const report = this.#journal.pending.find((pending) => pending.attemptToken === attemptToken);
    if (report?.sequence === sequence) this.#journal.markDelivered(attemptToken);
  }

  /** The gateway has ended the attempt itself: nothing about it is worth telling. */
  drop(attemptToken: string): void {
    this.#senders.delete(attemptToken);
    this.#journal.markDelivered(attemptToken);
  }

  #due(): [string, Sender][] {
    return [...this.#senders].filter(([, sender]) => sender.progress !== undefined && this.#untilDue(sender) <= 0);
  }

  #untilDue(sender: Sender): number {
    return PROGRESS_INTERVAL_MS - this.#clock.since(sender.progressSentAt);
  }
}

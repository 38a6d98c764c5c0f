import type { Logger } from 'pino';
import type { Assignment, EndEvent, StopOrder } from './gateway-client.ts';

/** Tokens of attempts that ended, kept so that an old answer of the gateway starts none of them again. */
const REMEMBERED = 1000;

/** Why an attempt is ended from outside, as the reason of its signal; what to report then, if anything. */
export class AttemptStopped extends Error {
  override name = 'AttemptStopped';
  readonly report: EndEvent | undefined;

  constructor(message: string, report: EndEvent | undefined) {
    super(message);
    this.report = report;
  }
}

/** The last two name attempts that the gateway has already ended itself. */
const IS_REPORTED = { CANCELED: true, RECALLED: true, TIMED_OUT: false, SUPERSEDED: false } as const satisfies Record<
  StopOrder['reason'],
  boolean
>;

export interface AttemptsDeps {
  /** Executes an attempt to its end; never rejects. */
  readonly execute: (assignment: Assignment, signal: AbortSignal) => Promise<void>;
  readonly logger: Logger;
  /** Called when one has begun or ended. */
  readonly onChange: () => void;
}

/** The attempts that this worker executes now. */
export class Attempts {
  readonly #deps: AttemptsDeps;
  readonly #running = new Map<string, { stop: AbortController; ended: Promise<void> }>();
  readonly #seen = new Set<string>();

  constructor(deps: AttemptsDeps) {
    this.#deps = deps;
  }

  get running(): readonly string[] {
    return [...this.#running.keys()];
  }

  /** Begins an attempt, once, however often the gateway sends it. */
  begin(assignment: Assignment): void {
    const { attemptToken, attempt, task } = assignment;
    if (this.#seen.has(attemptToken)) return;
    this.#remember(attemptToken);
    this.#deps.logger.info({ attempt: attempt.id }, `executing "${task.name}" of "${task.job.name}"`);
    const stop = new AbortController();
    const ended = this.#deps.execute(assignment, stop.signal).then(() => {
      this.#running.delete(attemptToken);
      this.#deps.onChange();
    });
    this.#running.set(attemptToken, { stop, ended });
    this.#deps.onChange();
  }

  /** Carries out the gateway's order; one for an attempt that has ended is too late. */
  obey({ attemptToken, reason }: StopOrder): void {
    const report = IS_REPORTED[reason] ? { stopped: { handedBack: false } } : undefined;
    this.#stop(attemptToken, new AttemptStopped(`The gateway stopped it: ${reason}.`, report));
  }

  /** The gateway does not want anything of this attempt any more. */
  drop(attemptToken: string): void {
    this.#stop(attemptToken, new AttemptStopped('The gateway has ended it already.', undefined));
  }

  /** The worker ends: every task goes back unasked. */
  handBackAll(): void {
    for (const token of this.running) {
      this.#stop(token, new AttemptStopped('The worker ends.', { stopped: { handedBack: true } }));
    }
  }

  /** The session is lost: everything ends, and nobody is told. */
  async dropAll(): Promise<void> {
    for (const token of this.running) this.drop(token);
    await this.ended();
  }

  /** Settles when nothing runs any more. */
  async ended(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  #stop(attemptToken: string, reason: AttemptStopped): void {
    const attempt = this.#running.get(attemptToken);
    if (attempt === undefined || attempt.stop.signal.aborted) return;
    this.#deps.logger.info(reason.message);
    attempt.stop.abort(reason);
  }

  #remember(attemptToken: string): void {
    this.#seen.add(attemptToken);
    const [oldest] = this.#seen;
    if (this.#seen.size > REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
  }
}

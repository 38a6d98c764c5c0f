import type { Logger } from 'pino';
import { SetupError } from '../domain/setup-error.ts';
import type { Attempts } from './attempts.ts';
import { BackOff, wait } from './back-off.ts';
import {
  type AttemptReport,
  type GatewayClient,
  GatewayRefusal,
  type Refusal,
  type SignedOn,
  type Synced,
  type SyncInput,
  type SyncResult,
  type WorkerStatusRequest,
} from './gateway-client.ts';
import type { Clock, Moment } from './moment.ts';
import type { MoveGate } from './move-gate.ts';
import type { Outbox } from './outbox.ts';
import { explainRefusal, type Session } from './session.ts';
import type { WorkerEnd } from './worker-end.ts';

/** What the gateway may need beyond `waitSeconds`; after that the connection counts as lost. */
const ANSWER_MS = 15_000;
const LONGEST_WAIT_SECONDS = 60;
/** While a program is being ended the gateway may repeat its order at once, again and again. */
const REST_MS = 250;

export interface SyncLoopDeps {
  readonly client: Pick<GatewayClient, 'sync'>;
  readonly session: Session;
  readonly outbox: Outbox;
  readonly attempts: Attempts;
  readonly gate: MoveGate;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly slots: number;
}

interface Call {
  readonly input: SyncInput;
  readonly sentAt: Moment;
}

/**
 * Heartbeat, reports, work and stops in one call that is open all the time. When there is something to say while one is
 * held, a newer call says it, and the gateway then answers the older one. At most one call with reports is under way,
 * so that they arrive in order.
 */
export class SyncLoop {
  readonly #deps: SyncLoopDeps;
  readonly #backOff = new BackOff();
  readonly #open = new Set<Call>();
  #wish: WorkerStatusRequest = 'AWAKE';
  #heartbeatSeconds = 0;
  readonly #closing = new AbortController();
  #said = '';
  #heard = '';
  #newest: Call | undefined;
  #isResting = false;
  #trouble: unknown;
  #sendSingly = false;
  #wake: () => void = () => {};

  constructor(deps: SyncLoopDeps) {
    this.#deps = deps;
    deps.outbox.onChange = () => this.#wake();
  }

  /** Something changed that the gateway may want to know. */
  notice(): void {
    this.#wake();
  }

  /** Takes no more work: the loop ends when everything has ended and been reported. */
  close(): void {
    this.#closing.abort();
    this.#wake();
  }

  beginSession(session: SignedOn): void {
    this.#heartbeatSeconds = session.heartbeatSeconds;
    this.#wish = session.requestedStatus;
    this.#said = '';
    this.#deps.gate.forgetConfirmations();
    this.#deps.gate.leaseMs = session.leaseSeconds * 1000;
  }

  /**
   * @returns what the worker is to do next: OFFLINE (also after `close`) or RESTART
   * @throws SetupError when the gateway will not have this worker; the signal's reason
   */
  async run(signal: AbortSignal): Promise<WorkerEnd> {
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    for (;;) {
      signal.throwIfAborted();
      if (this.#trouble !== undefined) await this.#recover(signal);
      if (this.#isFinished()) return this.#wish === 'RESTART' ? 'RESTART' : 'OFFLINE';
      const { sessionId } = await this.#deps.session.current();
      if (!this.#isFinished() && this.#maySend()) this.#send(sessionId);
      await this.#untilWoken();
    }
  }

  get #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  #isFinished(): boolean {
    const isLeaving = this.#isClosing || this.#wish === 'OFFLINE' || this.#wish === 'RESTART';
    return isLeaving && this.#deps.attempts.running.length === 0 && this.#deps.outbox.undelivered === 0;
  }

  /** Woken by an answer, a failure, or news; what happens meanwhile is seen by the next round. */
  async #untilWoken(): Promise<void> {
    if (this.#trouble !== undefined || this.#isFinished() || this.#maySend()) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = () => {};
  }

  #maySend(): boolean {
    const [open, second] = this.#open;
    if (second !== undefined || (open !== undefined && open.input.reports.length > 0)) return false;
    if (open === undefined && !this.#isResting) return true;
    return this.#deps.outbox.hasNews || describe(this.#state()) !== this.#said;
  }

  #state(): Pick<SyncInput, 'status' | 'running' | 'freeSlots'> {
    const running = [...new Set([...this.#deps.attempts.running, ...this.#deps.outbox.unready])];
    const isAsleep = this.#wish === 'ASLEEP' && running.length === 0;
    const freeSlots = this.#isClosing ? 0 : Math.max(0, this.#deps.slots - running.length);
    return { status: isAsleep ? 'ASLEEP' : 'AWAKE', running, freeSlots };
  }

  #send(sessionId: string): void {
    const state = this.#state();
    const all = this.#deps.outbox.take();
    const reports = this.#sendSingly ? all.slice(0, 1) : all;
    const waitSeconds = reports.length > 0 ? 0 : Math.min(this.#heartbeatSeconds, LONGEST_WAIT_SECONDS);
    const call = { input: { sessionId, ...state, reports, waitSeconds }, sentAt: this.#deps.clock.now() };
    this.#said = describe(state);
    this.#newest = call;
    this.#open.add(call);
    this.#deps.client
      .sync(call.input, waitSeconds * 1000 + ANSWER_MS)
      .then((result) => this.#take(call, result))
      .catch((error) => this.#fail(call, error))
      .finally(() => {
        this.#open.delete(call);
        this.#wake();
      });
  }

  #take(call: Call, result: SyncResult): void {
    if (result.__typename === 'SessionEndedError') {
      this.#deps.session.end(call.input.sessionId, result);
      return;
    }
    if (!this.#deps.session.isCurrent(call.input.sessionId)) return;
    if (result.__typename === 'InvalidInputError') throw new GatewayRefusal('request', explainInvalid(result));
    if (result.__typename !== 'SyncWorkerSuccess') throw new SetupError(`The gateway refused: ${result.message}`);
    this.#backOff.succeed();
    this.#sendSingly = false;
    this.#heartbeatSeconds = result.heartbeatSeconds;
    this.#wish = result.requestedStatus ?? call.input.status;
    this.#restIfRepeated(call, result);
    this.#obey(call, result);
    for (const report of result.reports) {
      if (report.__typename === 'ReportAccepted') this.#deps.outbox.settle(report.attemptToken, report.sequence);
      else this.#dropAttempt(report.attemptToken);
    }
    if (!this.#isClosing) for (const assignment of result.assignments) this.#deps.attempts.begin(assignment);
  }

  #obey(call: Call, { stops, assignments }: Synced): void {
    const stopped = new Set(stops.map((stop) => stop.attemptToken));
    for (const stop of stops) {
      this.#deps.gate.forbid(stop.attemptToken);
      this.#deps.attempts.obey(stop);
    }
    const tokens = [...call.input.running, ...assignments.map((assignment) => assignment.attemptToken)];
    this.#deps.gate.confirm(
      tokens.filter((token) => !stopped.has(token)),
      call.sentAt,
    );
  }

  #dropAttempt(attemptToken: string): void {
    this.#deps.gate.forbid(attemptToken);
    this.#deps.attempts.drop(attemptToken);
    this.#deps.outbox.drop(attemptToken);
  }

  #restIfRepeated(call: Call, { stops, assignments, requestedStatus }: Synced): void {
    const heard = JSON.stringify([stops, requestedStatus]);
    const isRepeated = heard === this.#heard && assignments.length === 0 && call.input.reports.length === 0;
    this.#heard = heard;
    if (!isRepeated || call !== this.#newest || this.#deps.clock.since(call.sentAt) >= REST_MS) return;
    this.#isResting = true;
    setTimeout(() => {
      this.#isResting = false;
      this.#wake();
    }, REST_MS);
  }

  #fail(call: Call, error: unknown): void {
    if (error instanceof GatewayRefusal && error.refused === 'request' && call.input.reports.length > 0) {
      this.#deps.logger.error(`the gateway refused a report: ${error.message}`);
      if (call.input.reports.length > 1) this.#sendSingly = true;
      else for (const report of call.input.reports) this.#replaceRefused(report, error.message);
      return;
    }
    if (error instanceof SetupError) this.#deps.gate.forgetConfirmations();
    this.#trouble ??= error;
  }

  /** One report that the gateway cannot take must not hold up all others for ever. */
  #replaceRefused(report: AttemptReport, reason: string): void {
    if ('progress' in report.event) return;
    const isReplaced = 'failed' in report.event && report.event.failed.message.startsWith(REFUSED);
    if (isReplaced) this.#dropAttempt(report.attemptToken);
    else this.#deps.outbox.replaceEnd(report, { failed: { kind: 'OTHER', message: `${REFUSED} ${reason}` } });
  }

  async #recover(signal: AbortSignal): Promise<void> {
    const error = this.#trouble;
    this.#trouble = undefined;
    if (error instanceof SetupError) throw error;
    if (error instanceof GatewayRefusal) throw new SetupError(explainRefusal(error));
    const waitMs = this.#backOff.fail();
    const { attempts, logger } = this.#deps;
    const level = this.#backOff.failures === 1 ? 'warn' : 'debug';
    logger[level](
      { err: error, running: attempts.running.length },
      'the gateway cannot be reached, going on without it',
    );
    // whoever closes the worker does not wait for the next try
    const until = this.#isClosing ? signal : AbortSignal.any([signal, this.#closing.signal]);
    await wait(waitMs, until).catch(() => signal.throwIfAborted());
  }
}

const REFUSED = 'The gateway refused the report of this attempt:';

function explainInvalid({ message, issues = [] }: Refusal): string {
  return [message, ...issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)].join(' ');
}

function describe(state: Pick<SyncInput, 'status' | 'running' | 'freeSlots'>): string {
  return [state.status, state.freeSlots, ...state.running].join(' ');
}

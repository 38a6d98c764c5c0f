import type {
  AppendLogInput,
  AppendLogResult,
  Assignment,
  AttemptReport,
  GatewayClient,
  PutPictureInput,
  PutPictureResult,
  ReportResult,
  SessionEnded,
  SignOnResult,
  StopOrder,
  SyncInput,
  SyncResult,
  WorkerStatusRequest,
} from '../../src/worker/gateway-client.ts';
import { GatewayUnavailable } from '../../src/worker/gateway-client.ts';

interface Held {
  readonly input: SyncInput;
  answer(): void;
  fail(): void;
}

/**
 * The gateway's half of the worker protocol in memory, for what a real one cannot be made to do at a given moment:
 * go away between two answers, lose one, forget a session. It keeps to the contract's words about `syncWorker`.
 */
export class FakeGateway implements GatewayClient {
  readonly calls: SyncInput[] = [];
  readonly reports: AttemptReport[] = [];
  readonly logs = new Map<string, string>();
  /** By frame. */
  readonly pictures = new Map<number, Buffer>();
  readonly signOns: string[] = [];
  readonly signedOff: string[] = [];
  heartbeatSeconds = 20;
  leaseSeconds = 60;
  isAway = false;
  /** Takes reports, but its answer does not arrive. */
  losesAnswers = false;
  requestedStatus: WorkerStatusRequest | null = null;
  ended: SessionEnded['reason'] | null = null;
  readonly #waiting: Assignment[] = [];
  readonly #live = new Map<string, Assignment>();
  readonly #stops = new Map<string, StopOrder['reason']>();
  readonly #over = new Set<string>();
  readonly #taken = new Map<string, number>();
  #held: Held[] = [];
  #listeners: (() => void)[] = [];

  give(assignment: Assignment): void {
    this.#waiting.push(assignment);
    this.#answerHeld();
  }

  stop(attemptToken: string, reason: StopOrder['reason']): void {
    this.#stops.set(attemptToken, reason);
    this.#answerHeld();
  }

  /** The gateway ended it: its reports are stale. */
  endAttempt(attemptToken: string): void {
    this.#live.delete(attemptToken);
    this.#over.add(attemptToken);
  }

  request(status: WorkerStatusRequest): void {
    this.requestedStatus = status;
    this.#answerHeld();
  }

  endSession(reason: SessionEnded['reason']): void {
    this.ended = reason;
    this.#answerHeld();
  }

  /** As when its process is killed: held calls fail. */
  goAway(): void {
    this.isAway = true;
    for (const call of this.#held) call.fail();
    this.#held = [];
  }

  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  /** Waits for something that the worker does. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#listeners.push(resolve));
  }

  async signOn(): Promise<SignOnResult> {
    this.#connect();
    this.ended = null;
    this.signOns.push(`session-${this.signOns.length + 1}`);
    const { heartbeatSeconds, leaseSeconds } = this;
    const sessionId = this.signOns.at(-1) ?? '';
    return { __typename: 'SignOnWorkerSuccess', sessionId, requestedStatus: 'AWAKE', heartbeatSeconds, leaseSeconds };
  }

  async sync(input: SyncInput): Promise<SyncResult> {
    this.#connect();
    this.calls.push(input);
    const reports = input.reports.map((report) => this.#takeReport(report));
    if (this.losesAnswers) {
      this.losesAnswers = false;
      throw new GatewayUnavailable('the answer was lost');
    }
    for (const older of this.#held.splice(0)) older.answer();
    this.#notify();
    const now = this.#answer(input, reports);
    if (this.#saysSomething(now, input) || input.waitSeconds === 0) return now;
    return await new Promise((resolve, reject) => {
      this.#held.push({
        input,
        answer: () => resolve(this.#answer(input, [])),
        fail: () => reject(new GatewayUnavailable('the connection was closed')),
      });
      this.#notify();
    });
  }

  async appendLog({ attemptToken, offset, text }: AppendLogInput): Promise<AppendLogResult> {
    this.#connect();
    if (this.#over.has(attemptToken)) return { __typename: 'StaleAttemptError', message: 'over', attemptToken };
    const known = Buffer.from(this.logs.get(attemptToken) ?? '');
    if (offset === known.length) this.logs.set(attemptToken, known + text);
    const nextOffset = Buffer.byteLength(this.logs.get(attemptToken) ?? '');
    this.#notify();
    return { __typename: 'AppendTaskLogSuccess', nextOffset, truncated: false };
  }

  async putPicture({ attemptToken, frame, jpeg }: PutPictureInput): Promise<PutPictureResult> {
    this.#connect();
    if (this.#over.has(attemptToken)) return { __typename: 'StaleAttemptError', message: 'over', attemptToken };
    this.pictures.set(frame, Buffer.from(jpeg, 'base64'));
    this.#notify();
    return { __typename: 'PutFramePictureSuccess' };
  }

  async signOff(sessionId: string): Promise<void> {
    this.#connect();
    this.signedOff.push(sessionId);
  }

  async close(): Promise<void> {}

  #connect(): void {
    if (this.isAway) throw new GatewayUnavailable('connect ECONNREFUSED');
  }

  #takeReport({ attemptToken, sequence, event, at }: AttemptReport): ReportResult {
    if (this.#over.has(attemptToken) && sequence > (this.#taken.get(attemptToken) ?? 0)) {
      return { __typename: 'StaleAttemptError', message: 'it has ended', attemptToken };
    }
    if (sequence > (this.#taken.get(attemptToken) ?? 0)) {
      this.#taken.set(attemptToken, sequence);
      this.reports.push({ attemptToken, sequence, event, at });
      if (!('progress' in event)) this.endAttempt(attemptToken);
    }
    return { __typename: 'ReportAccepted', attemptToken, sequence };
  }

  #answer(input: SyncInput, reports: ReportResult[]): SyncResult {
    if (this.ended !== null) return { __typename: 'SessionEndedError', message: 'ended', reason: this.ended };
    const stops = input.running.flatMap((attemptToken) => {
      const reason = this.#stops.get(attemptToken);
      return reason === undefined ? [] : [{ attemptToken, reason }];
    });
    const assignments = [...this.#live.values()].filter(({ attemptToken }) => !input.running.includes(attemptToken));
    while (assignments.length < input.freeSlots && this.#waiting.length > 0 && input.status === 'AWAKE') {
      const [next] = this.#waiting.splice(0, 1);
      if (next === undefined) break;
      this.#live.set(next.attemptToken, next);
      assignments.push(next);
    }
    const requestedStatus = this.requestedStatus === input.status ? null : this.requestedStatus;
    const { heartbeatSeconds } = this;
    return { __typename: 'SyncWorkerSuccess', assignments, stops, reports, requestedStatus, heartbeatSeconds };
  }

  #saysSomething(result: SyncResult, input: SyncInput): boolean {
    if (result.__typename !== 'SyncWorkerSuccess') return true;
    const { assignments, stops, requestedStatus } = result;
    return assignments.length > 0 || stops.length > 0 || requestedStatus !== null || input.reports.length > 0;
  }

  #answerHeld(): void {
    for (const call of this.#held.splice(0)) call.answer();
  }

  #notify(): void {
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener();
  }
}

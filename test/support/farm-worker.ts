import type { TestGateway } from './gateway.ts';

const ASSIGNMENTS =
  'assignments { attemptToken attempt { id number } task { id name index job { id name } } commands { name parameters } }';
const SYNC = `mutation ($input: SyncWorkerInput!) { syncWorker(input: $input) { __typename
  ... on SyncWorkerSuccess { ${ASSIGNMENTS} stops { attemptToken reason } requestedStatus heartbeatSeconds
    reports { __typename ... on ReportAccepted { sequence } ... on StaleAttemptError { message } } }
  ... on SessionEndedError { reason } ... on InvalidInputError { message issues { path message } } ... on ForbiddenError { message } } }`;

export interface Assignment {
  readonly attemptToken: string;
  readonly attempt: { readonly id: string; readonly number: number };
  readonly task: {
    readonly id: string;
    readonly name: string;
    readonly index: number;
    readonly job: { readonly id: string; readonly name: string };
  };
  readonly commands: { readonly name: string; readonly parameters: Record<string, unknown> }[];
}
export interface SyncAnswer {
  readonly __typename: string;
  readonly assignments: Assignment[];
  readonly stops: { readonly attemptToken: string; readonly reason: string }[];
  readonly reports: { readonly __typename: string }[];
  readonly requestedStatus: string | null;
  readonly heartbeatSeconds: number;
  readonly reason?: string;
  readonly issues?: { path: string[]; message: string }[];
}

export interface LogAnswer {
  readonly __typename: string;
  readonly nextOffset?: number;
  readonly truncated?: boolean;
  readonly reason?: string;
  readonly issues?: { path: string[]; message: string }[];
}

export interface PictureAnswer {
  readonly __typename: string;
  readonly frame?: number;
  readonly reason?: string;
  readonly issues?: { path: string[]; message: string; given: unknown; allowed: string | null }[];
}

/** A worker that speaks the protocol over HTTP and executes nothing: the test says what becomes of its attempts. */
export class FarmWorker {
  readonly gateway: TestGateway;
  readonly id: string;
  readonly token: string;
  sessionId = '';
  /** Tokens that it says it is running. */
  readonly running = new Set<string>();
  private sequence = 0;

  private constructor(gateway: TestGateway, id: string, token: string) {
    this.gateway = gateway;
    this.id = id;
    this.token = token;
  }

  static async register(gateway: TestGateway, name = 'worker'): Promise<FarmWorker> {
    const { registerWorker } = await gateway.run<{ registerWorker: { worker: { id: string }; token: string } }>(
      `mutation ($name: String!) { registerWorker(input: { name: $name, platform: "test" }) { ... on RegisterWorkerSuccess { worker { id } token } } }`,
      { name },
    );
    return new FarmWorker(gateway, registerWorker.worker.id, registerWorker.token);
  }

  static async signOn(gateway: TestGateway, name = 'worker', input: SignOnInput = {}): Promise<FarmWorker> {
    const worker = await FarmWorker.register(gateway, name);
    await worker.signOn(input);
    return worker;
  }

  async signOn(input: SignOnInput = {}): Promise<Record<string, unknown>> {
    const { signOnWorker } = await this.gateway.run<{ signOnWorker: Record<string, unknown> & { sessionId: string } }>(
      `mutation ($input: SignOnWorkerInput!) { signOnWorker(input: $input) { __typename
        ... on SignOnWorkerSuccess { sessionId requestedStatus heartbeatSeconds leaseSeconds } ... on Error { message } } }`,
      {
        input: {
          version: '1',
          protocol: 1,
          taskTypes: ['blender', 'video', 'misc'],
          tags: [],
          blenderVersions: ['3.4.1'],
          slots: 1,
          ...input,
        },
      },
      this.token,
    );
    this.sessionId = signOnWorker.sessionId ?? this.sessionId;
    return signOnWorker;
  }

  async sync(input: Record<string, unknown> = {}, signal?: AbortSignal): Promise<SyncAnswer> {
    const { syncWorker } = await this.gateway.run<{ syncWorker: SyncAnswer }>(
      SYNC,
      {
        input: {
          sessionId: this.sessionId,
          status: 'AWAKE',
          running: [...this.running],
          freeSlots: 1,
          reports: [],
          waitSeconds: 0,
          ...input,
        },
      },
      this.token,
      signal,
    );
    return syncWorker;
  }

  /** Asks for work and takes the first task, as one that runs it. */
  async claim(input: Record<string, unknown> = {}): Promise<Assignment | null> {
    const { assignments } = await this.sync(input);
    for (const { attemptToken } of assignments) this.running.add(attemptToken);
    return assignments[0] ?? null;
  }

  /** Reports what became of an attempt; by default without asking for more work. */
  async report(
    attemptToken: string,
    event: Record<string, unknown>,
    input: Record<string, unknown> = {},
  ): Promise<SyncAnswer> {
    if (!event.progress) this.running.delete(attemptToken);
    this.sequence += 1;
    const report = { attemptToken, sequence: this.sequence, at: new Date().toISOString(), event };
    return await this.sync({ freeSlots: 0, reports: [report], ...input });
  }

  complete(attemptToken: string, input?: Record<string, unknown>): Promise<SyncAnswer> {
    return this.report(attemptToken, { completed: { outputs: [] } }, input);
  }

  fail(attemptToken: string, message = 'It broke.', input?: Record<string, unknown>): Promise<SyncAnswer> {
    return this.report(attemptToken, { failed: { kind: 'OTHER', message } }, input);
  }

  stopped(attemptToken: string, handedBack = false): Promise<SyncAnswer> {
    return this.report(attemptToken, { stopped: { handedBack } });
  }

  /** A sign of life that asks for nothing. */
  heartbeat(): Promise<SyncAnswer> {
    return this.sync({ freeSlots: 0 });
  }

  async appendLog(attemptToken: string, offset: number, text: string): Promise<LogAnswer> {
    const { appendTaskLog } = await this.gateway.run<{ appendTaskLog: LogAnswer }>(
      `mutation ($input: AppendTaskLogInput!) { appendTaskLog(input: $input) { __typename ... on AppendTaskLogSuccess { nextOffset truncated }
        ... on SessionEndedError { reason } ... on InvalidInputError { issues { path message } } } }`,
      { input: { sessionId: this.sessionId, attemptToken, offset, text } },
      this.token,
    );
    return appendTaskLog;
  }

  async putPicture(attemptToken: string, frame: number, jpeg: Buffer | string): Promise<PictureAnswer> {
    const { putFramePicture } = await this.gateway.run<{ putFramePicture: PictureAnswer }>(
      `mutation ($input: PutFramePictureInput!) { putFramePicture(input: $input) { __typename ... on PutFramePictureSuccess { frame }
        ... on SessionEndedError { reason } ... on InvalidInputError { issues { path message given allowed } } ... on ForbiddenError { requiredRole } } }`,
      {
        input: {
          sessionId: this.sessionId,
          attemptToken,
          frame,
          jpeg: typeof jpeg === 'string' ? jpeg : jpeg.toString('base64'),
        },
      },
      this.token,
    );
    return putFramePicture;
  }

  async signOff(): Promise<void> {
    await this.gateway.run(
      `mutation ($id: ID!) { signOffWorker(input: { sessionId: $id }) { __typename } }`,
      { id: this.sessionId },
      this.token,
    );
  }
}

export interface SignOnInput {
  readonly taskTypes?: string[];
  readonly tags?: string[];
  readonly slots?: number;
  readonly blenderVersions?: string[];
  readonly devices?: { type: string; name: string }[];
  readonly offers?: string[];
  readonly protocol?: number;
}

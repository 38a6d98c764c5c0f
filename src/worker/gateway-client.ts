import type { FailureKind } from '../domain/attempt-outcome.ts';
import type { Command } from '../domain/command.ts';
import type { WorkerDevice } from '../domain/worker-device.ts';

/** The worker's half of the protocol (contract: "the worker protocol"), version 1. */
export const PROTOCOL_VERSION = 1;

export interface GatewayClient {
  signOn(input: SignOnInput): Promise<SignOnResult>;
  /** @param timeoutMs how long the answer may take, `waitSeconds` included, before the connection counts as lost */
  sync(input: SyncInput, timeoutMs: number): Promise<SyncResult>;
  appendLog(input: AppendLogInput): Promise<AppendLogResult>;
  putPicture(input: PutPictureInput): Promise<PutPictureResult>;
  signOff(sessionId: string): Promise<void>;
  close(): Promise<void>;
}

/** The gateway cannot be reached or cannot answer now; whatever was asked may be asked again. */
export class GatewayUnavailable extends Error {
  override name = 'GatewayUnavailable';
}

/** The gateway answered that it will not do this, whenever it is asked. */
export class GatewayRefusal extends Error {
  override name = 'GatewayRefusal';
  /** `credentials`: it does not know this worker; `request`: it does not understand what was sent. */
  readonly refused: 'credentials' | 'request';

  constructor(refused: 'credentials' | 'request', message: string) {
    super(message);
    this.refused = refused;
  }
}

export type WorkerStatusRequest = 'AWAKE' | 'ASLEEP' | 'OFFLINE' | 'RESTART';

/** A typed error of a union; the message is the gateway's own sentence. */
export interface Refusal {
  readonly __typename: 'InvalidInputError' | 'ForbiddenError' | 'VersionUnsupportedError';
  readonly message: string;
  readonly issues?: readonly { readonly path: readonly string[]; readonly message: string }[];
}

export interface SessionEnded {
  readonly __typename: 'SessionEndedError';
  readonly message: string;
  readonly reason: 'SIGNED_ON_ELSEWHERE' | 'DELETED' | 'UNKNOWN';
}

export interface StaleAttempt {
  readonly __typename: 'StaleAttemptError';
  readonly message: string;
  readonly attemptToken: string;
}

export interface SignOnInput {
  readonly version: string;
  readonly protocol: number;
  readonly taskTypes: readonly string[];
  readonly tags: readonly string[];
  readonly blenderVersions: readonly string[];
  readonly devices: readonly WorkerDevice[];
  readonly offers: readonly string[];
  readonly slots: number;
}

export interface SignedOn {
  readonly __typename: 'SignOnWorkerSuccess';
  readonly sessionId: string;
  readonly requestedStatus: WorkerStatusRequest;
  readonly heartbeatSeconds: number;
  readonly leaseSeconds: number;
}

export type SignOnResult = SignedOn | Refusal;

export interface SyncInput {
  readonly sessionId: string;
  readonly status: 'AWAKE' | 'ASLEEP';
  readonly running: readonly string[];
  readonly freeSlots: number;
  readonly reports: readonly AttemptReport[];
  readonly waitSeconds: number;
}

export interface AttemptReport {
  readonly attemptToken: string;
  readonly sequence: number;
  readonly at: string;
  readonly event: AttemptEvent;
}

export interface Progress {
  readonly fraction: number;
  readonly frame?: number;
  readonly activity?: string;
  /** Files that are in their place by now. */
  readonly outputs?: readonly Output[];
}

export interface Output {
  readonly frame?: number;
  readonly path: string;
  readonly bytes: number;
  readonly renderSeconds?: number;
}

export type EndEvent =
  | { readonly completed: { readonly outputs: readonly Output[] } }
  | { readonly failed: { readonly kind: FailureKind; readonly message: string; readonly exitCode?: number } }
  | { readonly stopped: { readonly handedBack: boolean } };

export type AttemptEvent = { readonly progress: Progress } | EndEvent;

export interface SubmittedFile {
  readonly path: string;
  readonly bytes: number;
  readonly modifiedAt: string | null;
  readonly sha256: string | null;
}

export interface Assignment {
  readonly attemptToken: string;
  readonly attempt: { readonly id: string; readonly number: number };
  readonly task: {
    readonly id: string;
    readonly name: string;
    readonly type: string;
    readonly job: { readonly id: string; readonly name: string; readonly files: readonly SubmittedFile[] };
  };
  readonly commands: readonly Command[];
}

export interface StopOrder {
  readonly attemptToken: string;
  readonly reason: 'CANCELED' | 'RECALLED' | 'TIMED_OUT' | 'SUPERSEDED';
}

export type ReportResult =
  | { readonly __typename: 'ReportAccepted'; readonly attemptToken: string; readonly sequence: number }
  | StaleAttempt;

export interface Synced {
  readonly __typename: 'SyncWorkerSuccess';
  readonly assignments: readonly Assignment[];
  readonly stops: readonly StopOrder[];
  readonly reports: readonly ReportResult[];
  readonly requestedStatus: WorkerStatusRequest | null;
  readonly heartbeatSeconds: number;
}

export type SyncResult = Synced | SessionEnded | Refusal;

export interface AppendLogInput {
  readonly sessionId: string;
  readonly attemptToken: string;
  readonly offset: number;
  readonly text: string;
}

export type AppendLogResult =
  | { readonly __typename: 'AppendTaskLogSuccess'; readonly nextOffset: number; readonly truncated: boolean }
  | StaleAttempt
  | SessionEnded
  | Refusal;

export interface PutPictureInput {
  readonly sessionId: string;
  readonly attemptToken: string;
  readonly frame: number;
  /** In Base64. */
  readonly jpeg: string;
}

export type PutPictureResult =
  | { readonly __typename: 'PutFramePictureSuccess' }
  | StaleAttempt
  | SessionEnded
  | Refusal;

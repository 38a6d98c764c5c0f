import type { SessionEnd } from '../domain/errors.ts';
import type { AttemptReport, StopReason } from '../domain/session-sync.ts';
import type { ReportedWorkerStatus, WorkerStatusRequest } from '../domain/worker-status.ts';
import type { WorkerRow } from './worker-rows.ts';

/** One call of a worker, or the second look at one that is held. */
export interface SyncCall {
  readonly workerId: string;
  readonly sessionNumber: number;
  readonly status: ReportedWorkerStatus;
  /** Tokens of the attempts that the worker holds. */
  readonly running: readonly string[];
  readonly freeSlots: number;
  readonly reports: readonly AttemptReport[];
  /** Its reports are taken already, and it is no sign of life. */
  readonly isHeld: boolean;
}

export interface Assigned {
  readonly attemptId: string;
  readonly taskId: string;
  readonly token: string;
}

export interface SyncAnswer {
  readonly assignments: readonly Assigned[];
  readonly stops: readonly { readonly token: string; readonly reason: StopReason }[];
  /** One per report, in order: whether it was taken. */
  readonly reports: readonly boolean[];
  /** What the worker is asked to become and is not yet. */
  readonly requestedStatus: WorkerStatusRequest | null;
  /** When a task that waits for a back-off may be claimed (ms since the epoch; Infinity: when something changes). */
  readonly retryAt: number;
}

export type SyncResult = SyncAnswer | { readonly ended: SessionEnd };

/** A call while its batch is decided. */
export interface SyncWork {
  readonly call: SyncCall;
  readonly worker: WorkerRow;
  readonly assignments: Assigned[];
  readonly stops: { token: string; reason: StopReason }[];
  readonly reports: boolean[];
  freeSlots: number;
  retryAt: number;
}

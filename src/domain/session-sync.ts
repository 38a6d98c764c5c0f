import { type AttemptWorker, acceptLateResult, endAttempt, mayComeBack, resumeAttempt } from './attempt-actions.ts';
import type { FailureKind } from './attempt-outcome.ts';
import type { JobLedger, LedgerAttempt } from './job-ledger.ts';

/** A file that an attempt made. */
export interface Output {
  readonly frame: number | null;
  readonly path: string;
  readonly bytes: number;
  readonly renderSeconds: number | null;
}

/** A file that is recorded, with its id. */
export interface SavedOutput extends Pick<Output, 'frame' | 'renderSeconds'> {
  readonly id: string;
}

/** What a worker reports of an attempt; exactly one of the events is set. */
export interface AttemptReport {
  readonly attemptToken: string;
  /** From 1, rising, gaps allowed: one that was taken already is accepted and ignored. */
  readonly sequence: number;
  readonly event: {
    readonly progress?: {
      readonly fraction: number;
      readonly frame?: number | null;
      readonly activity?: string | null;
      /** Files that are in their place; told once more when the attempt completes. */
      readonly outputs?: readonly Output[] | null;
    } | null;
    readonly completed?: { readonly outputs: readonly Output[] } | null;
    readonly failed?: {
      readonly kind: FailureKind;
      readonly message: string;
      readonly exitCode?: number | null;
    } | null;
    readonly stopped?: { readonly handedBack: boolean } | null;
  };
}

export type StopReason = 'CANCELED' | 'RECALLED' | 'TIMED_OUT' | 'SUPERSEDED';

/** An attempt that a worker speaks of, with the ledger of its job. */
export interface KnownAttempt {
  readonly attempt: LedgerAttempt;
  readonly ledger: JobLedger;
}

/** How many frame times a job remembers: an odd number, so that the median is one of them. */
export const REMEMBERED_FRAMES = 101;

/**
 * Takes one report. False: the attempt has ended and what is reported does not bring it back, so the worker drops it.
 */
export function takeReport(
  { attempt, ledger }: KnownAttempt,
  report: AttemptReport,
  worker: AttemptWorker,
  at: Date,
): boolean {
  if (report.sequence <= attempt.reportSequence) return true;
  const { progress, completed, failed, stopped } = report.event;
  const task = ledger.task(attempt.taskId);
  if (attempt.endedAt !== null) {
    if (!mayComeBack(attempt, task)) return false;
    if (completed) acceptLateResult(ledger, attempt, worker, at);
    else if (progress) resumeAttempt(ledger, attempt, worker, at);
    else return false;
  } else if (completed) endAttempt(ledger, attempt, { outcome: 'COMPLETED', actor: worker.name }, at);
  if (progress) {
    ledger.setProgress(task, progress.fraction);
    task.activity = progress.activity ?? null;
    ledger.dirtyTasks.add(task);
    ledger.hasJobChanged = true;
  }
  if (failed)
    endAttempt(
      ledger,
      attempt,
      { outcome: failed.kind === 'TIMED_OUT' ? 'TIMED_OUT' : 'FAILED', actor: worker.name, failure: failed },
      at,
    );
  if (stopped)
    endAttempt(ledger, attempt, { outcome: stopped.handedBack ? 'HANDED_BACK' : 'STOPPED', actor: worker.name }, at);
  attempt.reportSequence = report.sequence;
  attempt.lastOutputAt = at;
  ledger.dirtyAttempts.add(attempt);
  return true;
}

/** What the worker is told about a token that it says is running; null: go on. A lost attempt is taken up again here. */
export function confirmRunning(known: KnownAttempt | undefined, worker: AttemptWorker, at: Date): StopReason | null {
  if (!known || known.attempt.workerId !== worker.id) return 'SUPERSEDED';
  const { attempt, ledger } = known;
  if (attempt.endedAt === null) return attempt.stopOrder;
  if (mayComeBack(attempt, ledger.task(attempt.taskId))) {
    resumeAttempt(ledger, attempt, worker, at);
    return null;
  }
  return attempt.outcome === 'TIMED_OUT' ? 'TIMED_OUT' : 'SUPERSEDED';
}

/**
 * A live attempt that the worker does not say it is running: one that was told to stop is gone, so it ends; any other
 * never reached the worker and is sent again (true).
 */
export function mustSendAgain({ attempt, ledger }: KnownAttempt, worker: AttemptWorker, at: Date): boolean {
  if (attempt.stopOrder === null) return true;
  endAttempt(ledger, attempt, { outcome: 'STOPPED', actor: worker.name }, at);
  return false;
}

/** Remembers what the newest frames took, and which is the newest. Each frame that was saved counts once. */
export function rememberFrames(ledger: JobLedger, saved: readonly SavedOutput[]): void {
  const { job } = ledger;
  const frames = saved.filter(({ frame }) => frame !== null);
  if (frames.length === 0) return;
  const seconds = frames.flatMap(({ renderSeconds }) => renderSeconds ?? []);
  job.recentFrameSeconds = [...job.recentFrameSeconds, ...seconds].slice(-REMEMBERED_FRAMES);
  job.latestOutputId = frames.at(-1)!.id;
  ledger.hasJobChanged = true;
}

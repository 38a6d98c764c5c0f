import type { ClientBase } from 'pg';
import { mayComeBack } from '../domain/attempt-actions.ts';
import type { StopOrder } from '../domain/attempt-outcome.ts';
import type { LedgerAttempt } from '../domain/job-ledger.ts';
import type { KnownAttempt } from '../domain/session-sync.ts';
import {
  type AttemptRow,
  fillDependents,
  fillFailuresOfWorkers,
  fillTasks,
  type Ledgers,
  readAttempts,
} from './ledger-rows.ts';
import type { SyncCall } from './sync-call.ts';

/** The attempts that a batch of calls speaks of, and those that its workers hold. */
export class KnownAttempts {
  private readonly byToken = new Map<string, AttemptRow>();
  private readonly ledgers: Ledgers;

  constructor(attempts: readonly AttemptRow[], ledgers: Ledgers) {
    for (const attempt of attempts) this.byToken.set(attempt.token, attempt);
    this.ledgers = ledgers;
  }

  all(): AttemptRow[] {
    return [...this.byToken.values()];
  }

  /** The worker's attempt, when the job is locked so that it may change. */
  locked(token: string, workerId: string): KnownAttempt | undefined {
    const attempt = this.byToken.get(token);
    const ledger = attempt && attempt.workerId === workerId ? this.ledgers.get(attempt.jobId) : undefined;
    return attempt && ledger?.tasks.has(attempt.taskId) ? { attempt, ledger } : undefined;
  }

  isLive(token: string, workerId: string): boolean {
    const attempt = this.byToken.get(token);
    return attempt !== undefined && attempt.workerId === workerId && attempt.endedAt === null;
  }

  hasEnded(token: string): boolean {
    return this.byToken.get(token)?.endedAt != null;
  }

  orderOf(token: string): StopOrder | null {
    return this.byToken.get(token)?.stopOrder ?? null;
  }

  liveOf(workerId: string): LedgerAttempt[] {
    return [...this.byToken.values()].filter((attempt) => attempt.workerId === workerId && attempt.endedAt === null);
  }

  noteStopSent({ attempt, ledger }: KnownAttempt, now: Date): void {
    if (attempt.stopSentAt) return;
    attempt.stopSentAt = now;
    ledger.dirtyAttempts.add(attempt);
  }
}

/** Reads the attempts under the locks, with the tasks, dependents and failure records that their ends may change. */
export async function readKnownAttempts(
  client: ClientBase,
  ledgers: Ledgers,
  calls: readonly SyncCall[],
  tokens: readonly string[],
  workerIds: readonly string[],
): Promise<KnownAttempts> {
  const attempts = await readAttempts(client, tokens, workerIds);
  const locked = attempts.filter((attempt) => ledgers.has(attempt.jobId));
  const reports = calls.flatMap((call) => call.reports);
  const tokensOf = (event: 'completed' | 'failed' | 'stopped') =>
    new Set(reports.filter((report) => report.event[event]).map((report) => report.attemptToken));
  const completed = tokensOf('completed');
  const failed = tokensOf('failed');
  await fillTasks(
    client,
    ledgers,
    locked.map(({ taskId }) => taskId),
  );
  await fillDependents(
    client,
    ledgers,
    locked.filter(({ token }) => completed.has(token)).map(({ taskId }) => taskId),
  );

  // An ended attempt takes its place in the ledger only when it may come back: then there is no live one.
  for (const attempt of locked) {
    const ledger = ledgers.get(attempt.jobId)!;
    const task = ledger.tasks.get(attempt.taskId);
    if (task && (attempt.endedAt === null || mayComeBack(attempt, task))) ledger.addAttempt(attempt);
  }
  const counting = locked.filter(
    (attempt) => failed.has(attempt.token) || attempt.outcome === 'LOST' || tokensOf('stopped').has(attempt.token),
  );
  await fillFailuresOfWorkers(
    client,
    ledgers,
    [...new Set(counting.map(({ jobId }) => jobId))],
    [...new Set(counting.map(({ workerId }) => workerId))],
  );
  return new KnownAttempts(attempts, ledgers);
}

import type { ClientBase } from 'pg';
import { type AttemptEnd, endAttempt } from '../domain/attempt-actions.ts';
import { inTransaction, query, type Statement } from './database.ts';
import { lockJobs, MissedJob, untilNoJobIsMissed } from './job-locks.ts';
import {
  type AttemptRow,
  fillFailuresOfWorkers,
  fillTasks,
  openLedgers,
  readAttempts,
  settleLedgers,
} from './ledger-rows.ts';
import { describeChange, saveLedgers } from './save-ledgers.ts';
import type { CommittedChange, Store } from './store.ts';

/** Finds the live attempts that something concerns. */
export type FindAttempts<Row extends AttemptRow = AttemptRow> = (client: ClientBase) => Promise<readonly Row[]>;

/**
 * Ends (or recalls) live attempts for a reason outside their job: a worker that leaves, a lease or a time limit that ends.
 * Lock the jobs, look again, ask `judge`, write. `also` runs in the same transaction, once the jobs are locked and before
 * anything is judged; when it answers false, nothing is ended.
 */
export async function endAttempts<Row extends AttemptRow>(
  store: Store,
  find: FindAttempts<Row>,
  judge: (attempt: Row) => AttemptEnd | 'recall',
  also: (client: ClientBase) => Promise<boolean> = async () => true,
): Promise<CommittedChange> {
  const change = await untilNoJobIsMissed(() =>
    inTransaction(store.pool, (client) => tryToEnd(client, store.now(), find, judge, also)),
  );
  if (change.jobIds.size + change.workerIds.size > 0) store.announce(change);
  return change;
}

async function tryToEnd<Row extends AttemptRow>(
  client: ClientBase,
  now: Date,
  find: FindAttempts<Row>,
  judge: (attempt: Row) => AttemptEnd | 'recall',
  also: (client: ClientBase) => Promise<boolean>,
): Promise<CommittedChange> {
  const jobIds = new Set((await find(client)).map(({ jobId }) => jobId));
  await lockJobs(client, jobIds);
  if (!(await also(client))) return describeChange([]);
  const attempts = await find(client);
  if (attempts.some((attempt) => !jobIds.has(attempt.jobId))) throw new MissedJob();
  const ledgers = await openLedgers(client, jobIds);
  await fillTasks(
    client,
    ledgers,
    attempts.map(({ taskId }) => taskId),
  );
  await fillFailuresOfWorkers(client, ledgers, [...jobIds], [...new Set(attempts.map(({ workerId }) => workerId))]);
  for (const attempt of attempts) ledgers.get(attempt.jobId)!.addAttempt(attempt);
  const indexOf = (attempt: Row) => ledgers.get(attempt.jobId)!.task(attempt.taskId).index;
  // What ends together is recorded in the order of the tasks.
  for (const attempt of [...attempts].sort((a, b) => indexOf(a) - indexOf(b))) {
    const ledger = ledgers.get(attempt.jobId)!;
    const verdict = judge(attempt);
    if (verdict === 'recall')
      ledger.orderStop(ledger.task(attempt.taskId), 'RECALLED', { actor: 'gateway', reason: 'HANDED_BACK' }, now);
    else endAttempt(ledger, attempt, verdict, now);
  }
  await settleLedgers(client, ledgers.values(), now);
  await saveLedgers(client, ledgers.values(), now);
  return describeChange(ledgers.values());
}

/** The live attempts of one worker. */
export function liveAttemptsOf(workerId: string): FindAttempts {
  return (client) => readAttempts(client, [], [workerId]);
}

/** Finds attempts by a statement of the caller's. */
export function findBy<Row extends AttemptRow>(statement: Statement, values: unknown[]): FindAttempts<Row> {
  return async (client) => (await query<Row>(client, statement, values)).rows;
}

import type { ClientBase } from 'pg';
import { v7 as newId, v4 as newToken } from 'uuid';
import { claimNext, type Sight } from '../domain/claim-list.ts';
import type { FarmWorker } from '../domain/failure-policy.ts';
import { type CandidateSearch, kindsOf } from './candidate-search.ts';
import { tryLockJobs } from './job-locks.ts';
import { type Ledgers, openLedgers } from './ledger-rows.ts';
import type { Store } from './store.ts';
import type { SyncCall, SyncWork } from './sync-call.ts';
import { TaskSearch } from './task-search.ts';
import { isAskedAway, readFarm, readWorkers } from './worker-rows.ts';

/** When a job was held by another transaction: look again after this many milliseconds. */
const LOOK_AGAIN_MS = 20;
/** Bounds one batch: a worker that may have nothing of a thousand jobs waits until something changes. */
const MAX_ROUNDS = 20;

/** Candidate jobs for those of the calls that ask for work, best first, read without a lock. */
export async function readWishes(
  client: ClientBase,
  calls: readonly SyncCall[],
  workerIds: readonly string[],
  candidates: CandidateSearch,
): Promise<string[]> {
  const hungry = calls.filter((call) => call.status === 'AWAKE' && call.freeSlots > 0);
  if (hungry.length === 0) return [];
  const workers = await readWorkers(client, workerIds);
  const asking = hungry.flatMap(({ workerId }) => workers.get(workerId) ?? []).filter((worker) => !isAskedAway(worker));
  return await candidates.findNext(asking, countSlots(hungry));
}

function countSlots(hungry: readonly { readonly freeSlots: number }[]): number {
  return hungry.reduce((sum, { freeSlots }) => sum + freeSlots, 0);
}

/**
 * Gives tasks to the workers that have room, one slot each in turn, out of the locked jobs. Where those have nothing for
 * somebody, or where others may come before them, the next jobs are looked at, as long as there are any.
 *
 * @param candidates has found the locked jobs, but for those that others held.
 */
export async function giveWork(
  client: ClientBase,
  store: Store,
  ledgers: Ledgers,
  candidates: CandidateSearch,
  works: readonly SyncWork[],
  now: Date,
): Promise<void> {
  let hungry = works.filter((work) => work.freeSlots > 0);
  const search = new TaskSearch(client);
  let fresh: Ledgers = new Map(ledgers);
  let farm: FarmWorker[] | null = null;
  for (let round = 0; hungry.length > 0; round += 1) {
    await search.open(fresh);
    for (const { taskTypes } of kindsOf(hungry.map(({ worker }) => worker)).values())
      await search.readFirst(fresh, taskTypes, countSlots(hungry));
    const readFarmOnce = async () => {
      if (search.hasHistory) farm ??= await readFarmNow(client, store, works, now);
      return farm ?? [];
    };
    const isLast = round >= MAX_ROUNDS;
    const sightOf = (worker: FarmWorker): Sight => ({
      horizon: isLast ? null : candidates.horizonOf(worker),
      readTo: search.readTo,
    });
    hungry = await serve(hungry, ledgers, sightOf, search, readFarmOnce, now, store.retryDelayMs);
    const unsure = hungry.filter(({ worker }) => candidates.horizonOf(worker) !== null);
    if (isLast || unsure.length === 0) break;
    const kinds = unsure.map(({ worker }) => worker);
    const next = await candidates.findNext(kinds, countSlots(unsure));
    candidates.leaveOut(next);
    const taken = await tryLockJobs(client, next);
    if (taken.size < next.length)
      for (const work of unsure) work.retryAt = Math.min(work.retryAt, now.getTime() + LOOK_AGAIN_MS);
    fresh = await openLedgers(client, taken);
    for (const [id, ledger] of fresh) ledgers.set(id, ledger);
  }
}

/** Lets every worker take one task after the other; what is left are those that found nothing for a free slot. */
async function serve(
  hungry: readonly SyncWork[],
  ledgers: Ledgers,
  sightOf: (worker: FarmWorker) => Sight,
  search: TaskSearch,
  farmNow: () => Promise<FarmWorker[]>,
  now: Date,
  retryDelayMs: number,
): Promise<SyncWork[]> {
  const left: SyncWork[] = [];
  const ids = () => ({ id: newId(), token: newToken() });
  for (let turn = [...hungry]; turn.length > 0; ) {
    const next: SyncWork[] = [];
    for (const work of turn) {
      const claimant = { ...work.worker, sessionNumber: work.call.sessionNumber };
      const claim = async () =>
        claimNext(ledgers.values(), claimant, await farmNow(), ids, now, retryDelayMs, sightOf(work.worker));
      let claimed = await claim();
      while ('unread' in claimed) {
        await search.readMore(claimed.unread, claimed.taskTypes);
        claimed = await claim();
      }
      if ('retryAt' in claimed) {
        work.retryAt = Math.min(work.retryAt, claimed.retryAt);
        left.push(work);
        continue;
      }
      const { attempt } = claimed;
      work.assignments.push({ attemptId: attempt.id, taskId: attempt.taskId, token: attempt.token });
      work.freeSlots -= 1;
      if (work.freeSlots > 0) next.push(work);
    }
    turn = next;
  }
  return left;
}

async function readFarmNow(
  client: ClientBase,
  store: Store,
  works: readonly SyncWork[],
  now: Date,
): Promise<FarmWorker[]> {
  const farm = await readFarm(client, new Date(now.getTime() - store.leaseMs));
  const callers = works
    .filter(({ call, worker }) => call.status === 'AWAKE' && !isAskedAway(worker))
    .map(({ worker }) => worker);
  return [...new Map([...farm, ...callers].map((worker) => [worker.id, worker])).values()];
}

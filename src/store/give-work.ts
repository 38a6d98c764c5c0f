import type { ClientBase } from 'pg';
import { v7 as newId, v4 as newToken } from 'uuid';
import { claimNext } from '../domain/claim-list.ts';
import type { FarmWorker } from '../domain/failure-policy.ts';
import { findCandidateJobs } from './claim-candidates.ts';
import { tryLockJobs } from './job-locks.ts';
import { type Ledgers, openLedgers } from './ledger-rows.ts';
import type { Store } from './store.ts';
import type { SyncCall, SyncWork } from './sync-call.ts';
import { TaskSearch } from './task-search.ts';
import { isAskedAway, readFarm, readWorkers } from './worker-rows.ts';

/** Jobs that a batch looks at before it asks for the next ones. */
const CANDIDATES_AT_ONCE = 50;
/** When a job was held by another transaction, or the search was cut short: look again after this many milliseconds. */
const LOOK_AGAIN_MS = 20;
/** Bounds one batch; what is not found by then is found by the next look. */
const MAX_ROUNDS = 20;

/** Candidate jobs for those of the calls that ask for work, best first, read without a lock. */
export async function readWishes(
  client: ClientBase,
  calls: readonly SyncCall[],
  workerIds: readonly string[],
  except: readonly string[],
): Promise<string[]> {
  const hungry = new Set(
    calls.filter((call) => call.status === 'AWAKE' && call.freeSlots > 0).map((call) => call.workerId),
  );
  if (hungry.size === 0) return [];
  const workers = [...(await readWorkers(client, workerIds)).values()].filter(
    (worker) => hungry.has(worker.id) && !isAskedAway(worker),
  );
  return await findCandidates(client, workers, except);
}

/** The jobs whose turn it may be for each kind of worker: what one kind cannot do hides nothing from another. */
async function findCandidates(client: ClientBase, workers: readonly FarmWorker[], except: readonly string[]) {
  const found = new Set<string>();
  for (const kind of kindsOf(workers))
    for (const id of await findCandidateJobs(client, kind, except, CANDIDATES_AT_ONCE)) found.add(id);
  return [...found];
}

function kindsOf(workers: readonly FarmWorker[]): FarmWorker[] {
  return [
    ...new Map(
      workers.map((worker) => [JSON.stringify([worker.taskTypes, worker.tags, worker.offers]), worker]),
    ).values(),
  ];
}

/**
 * Gives tasks to the workers that have room, one slot each in turn, out of the locked jobs. When those have nothing for
 * somebody, the next jobs are looked at, as long as there are any.
 */
export async function giveWork(
  client: ClientBase,
  store: Store,
  ledgers: Ledgers,
  works: readonly SyncWork[],
  now: Date,
): Promise<void> {
  let hungry = works.filter((work) => work.freeSlots > 0);
  const search = new TaskSearch(client);
  const seen = new Set(ledgers.keys());
  let fresh: Ledgers = new Map(ledgers);
  let farm: FarmWorker[] | null = null;
  for (let round = 0; hungry.length > 0; round += 1) {
    await search.open(fresh);
    const slots = hungry.reduce((sum, { freeSlots }) => sum + freeSlots, 0);
    for (const { taskTypes } of kindsOf(hungry.map(({ worker }) => worker)))
      await search.readFirst(fresh, taskTypes, slots);
    const readFarmOnce = async () => {
      if (search.hasHistory) farm ??= await readFarmNow(client, store, works, now);
      return farm ?? [];
    };
    hungry = await serve(hungry, ledgers, search, readFarmOnce, now, store.retryDelayMs);
    if (hungry.length === 0 || round >= MAX_ROUNDS) break;
    const next = await findCandidates(
      client,
      hungry.map(({ worker }) => worker),
      [...seen],
    );
    if (next.length === 0) break;
    for (const id of next) seen.add(id);
    const taken = await tryLockJobs(client, next);
    if (taken.size < next.length)
      for (const work of hungry) work.retryAt = Math.min(work.retryAt, now.getTime() + LOOK_AGAIN_MS);
    fresh = await openLedgers(client, taken);
    for (const [id, ledger] of fresh) ledgers.set(id, ledger);
  }
}

/** Lets every worker take one task after the other; what is left are those that found nothing for a free slot. */
async function serve(
  hungry: readonly SyncWork[],
  ledgers: Ledgers,
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
        claimNext(ledgers.values(), claimant, await farmNow(), ids, now, retryDelayMs, search.readTo);
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

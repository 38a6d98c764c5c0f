import type { ClientBase } from 'pg';
import { v7 as newId, v4 as newToken } from 'uuid';
import { claimNext } from '../domain/claim-list.ts';
import type { FarmWorker } from '../domain/failure-policy.ts';
import { fillClaimableTasks, findCandidateJobs } from './claim-candidates.ts';
import { tryLockJobs } from './job-locks.ts';
import { fillBlocks, fillFailuresOfTasks, type Ledgers, openLedgers } from './ledger-rows.ts';
import type { Store } from './store.ts';
import type { SyncCall, SyncWork } from './sync-workers.ts';
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
  return await findCandidateJobs(client, wishesOf(workers), except, CANDIDATES_AT_ONCE);
}

function wishesOf(workers: readonly FarmWorker[]) {
  return {
    taskTypes: [...new Set(workers.flatMap(({ taskTypes }) => taskTypes))],
    tags: [...new Set(workers.flatMap(({ tags }) => tags))],
  };
}

/**
 * Gives tasks to the workers that have room, one slot each in turn, out of the locked jobs. When those have nothing for
 * somebody, the next tasks of them and the next jobs are looked at, as long as there are any.
 */
export async function giveWork(
  client: ClientBase,
  store: Store,
  ledgers: Ledgers,
  works: readonly SyncWork[],
  now: Date,
): Promise<void> {
  let hungry = works.filter((work) => work.freeSlots > 0);
  if (hungry.length === 0) return;
  const wishes = wishesOf(hungry.map(({ worker }) => worker));
  const search = new TaskSearch(
    client,
    ledgers,
    wishes.taskTypes,
    hungry.reduce((sum, { freeSlots }) => sum + freeSlots, 0),
  );
  const seen = new Set(ledgers.keys());
  let farm: FarmWorker[] | null = null;
  for (let round = 0; hungry.length > 0; round += 1) {
    await search.readMore();
    if (search.hasHistory) farm ??= await readFarmNow(client, store, works, now);
    hungry = serve(hungry, ledgers, farm ?? [], now, store.retryDelayMs);
    if (hungry.length === 0 || search.hasMore) continue;
    const next = await findCandidateJobs(client, wishes, [...seen], CANDIDATES_AT_ONCE);
    if (next.length === 0 || round >= MAX_ROUNDS) break;
    for (const id of next) seen.add(id);
    const taken = await tryLockJobs(client, next);
    if (taken.size < next.length)
      for (const work of hungry) work.retryAt = Math.min(work.retryAt, now.getTime() + LOOK_AGAIN_MS);
    for (const [id, ledger] of await openLedgers(client, taken)) ledgers.set(id, ledger);
  }
}

/** Lets every worker take one task after the other; what is left are those that found nothing for a free slot. */
function serve(
  hungry: readonly SyncWork[],
  ledgers: Ledgers,
  farm: readonly FarmWorker[],
  now: Date,
  retryDelayMs: number,
): SyncWork[] {
  const left: SyncWork[] = [];
  for (let turn = [...hungry]; turn.length > 0; ) {
    turn = turn.filter((work) => {
      const claimant = { ...work.worker, sessionNumber: work.call.sessionNumber };
      const claim = claimNext(
        ledgers.values(),
        claimant,
        farm,
        () => ({ id: newId(), token: newToken() }),
        now,
        retryDelayMs,
      );
      if ('retryAt' in claim) {
        work.retryAt = Math.min(work.retryAt, claim.retryAt);
        left.push(work);
        return false;
      }
      const { attempt } = claim;
      work.assignments.push({ attemptId: attempt.id, taskId: attempt.taskId, token: attempt.token });
      work.freeSlots -= 1;
      return work.freeSlots > 0;
    });
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

/** Reads the claimable tasks of the locked jobs page by page, with what the failure policy wants to know of them. */
class TaskSearch {
  /** Whether anything that was read failed before or is blocked: only then the rest of the farm matters. */
  hasHistory = false;
  hasMore = false;
  private readonly client: ClientBase;
  private readonly ledgers: Ledgers;
  private readonly taskTypes: readonly string[];
  private readonly limit: number;
  private readonly lastIndex = new Map<string, number>();
  private readonly exhausted = new Set<string>();

  constructor(client: ClientBase, ledgers: Ledgers, taskTypes: readonly string[], limit: number) {
    this.client = client;
    this.ledgers = ledgers;
    this.taskTypes = taskTypes;
    this.limit = limit;
  }

  async readMore(): Promise<void> {
    const open = new Map(
      [...this.ledgers].filter(([id, { job }]) => job.tasksClaimable > 0 && !this.exhausted.has(id)),
    );
    this.hasMore = false;
    if (open.size === 0) return;
    const tasks = await fillClaimableTasks(this.client, open, this.lastIndex, this.taskTypes, this.limit);
    for (const id of open.keys()) {
      const own = tasks.filter((task) => task.jobId === id);
      if (own.length < this.limit) this.exhausted.add(id);
      else this.hasMore = true;
      const last = own.at(-1);
      if (last) this.lastIndex.set(id, last.index);
    }
    const claimable = [...open.values()].flatMap((ledger) =>
      [...ledger.tasks.values()].filter((task) => ledger.isClaimable(task)),
    );
    await fillFailuresOfTasks(
      this.client,
      open,
      claimable.map(({ id }) => id),
    );
    await fillBlocks(this.client, open);
    this.hasHistory ||= [...open.values()].some((ledger) => ledger.failures.size > 0 || ledger.blocks.size > 0);
  }
}

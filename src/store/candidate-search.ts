import type { ClientBase } from 'pg';
import type { FarmWorker } from '../domain/failure-policy.ts';
import { AFTER_ALL_TURNS, BEFORE_ALL_TURNS, type Turn } from '../domain/order-of-work.ts';
import { findCandidateJobs } from './claim-candidates.ts';

/** Jobs that a batch looks at before it asks for the next ones: as many as it has slots to fill, within these. */
const [MIN_CANDIDATES, MAX_CANDIDATES] = [50, 500];

/**
 * The jobs whose turn it may be, best first and page by page for each kind of worker: what one kind cannot do hides
 * nothing from another. Knows for each kind up to which turn every job has been found.
 */
export class CandidateSearch {
  private readonly client: ClientBase;
  private readonly seen = new Set<string>();
  private readonly horizons = new Map<string, Turn | null>();

  constructor(client: ClientBase) {
    this.client = client;
  }

  /** These need not be found any more. */
  leaveOut(jobIds: Iterable<string>): void {
    for (const id of jobIds) this.seen.add(id);
  }

  /** The next jobs for such workers, who have so many free slots in all. */
  async findNext(workers: readonly FarmWorker[], slots: number): Promise<string[]> {
    const limit = Math.min(MAX_CANDIDATES, Math.max(MIN_CANDIDATES, slots));
    const found = new Set<string>();
    const except = [...this.seen];
    for (const [key, kind] of kindsOf(workers)) {
      const page = await findCandidateJobs(this.client, kind, except, limit);
      for (const { id } of page) found.add(id);
      this.horizons.set(key, page.length < limit ? null : page.at(-1)!);
    }
    return [...found];
  }

  /** Some that were found are held by others: nobody waits for them, but they are looked for once more. */
  lookAgain(): void {
    for (const [key, horizon] of this.horizons) if (horizon === null) this.horizons.set(key, AFTER_ALL_TURNS);
  }

  /** A job of a later turn than this one may come after others that were not found yet; null: all were found. */
  horizonOf(worker: FarmWorker): Turn | null {
    const horizon = this.horizons.get(keyOf(worker));
    return horizon === undefined ? BEFORE_ALL_TURNS : horizon;
  }
}

/** Workers that can do the same, one of each. */
export function kindsOf<Worker extends FarmWorker>(workers: readonly Worker[]): Map<string, Worker> {
  return new Map(workers.map((worker) => [keyOf(worker), worker]));
}

function keyOf({ taskTypes, tags, offers }: FarmWorker): string {
  return JSON.stringify([taskTypes, tags, offers]);
}

import type { ClientBase } from 'pg';
import type { JobLedger } from '../domain/job-ledger.ts';
import { fillClaimableTasks } from './claim-candidates.ts';
import { fillBlocks, fillFailuresOfTasks, type Ledgers } from './ledger-rows.ts';

/** Whoever finds nothing in a page reads on in ever larger ones: a job may have 100,000 tasks. */
const MAX_PAGE = 1000;

interface Reading {
  /** Index up to which the claimable tasks are known; Infinity: all are. */
  upTo: number;
  pageSize: number;
}

/** The claimable tasks of locked jobs, page by page, with what the failure policy wants to know of them. */
export class TaskSearch {
  /** Whether anything that was read failed before or is blocked: only then the rest of the farm matters. */
  hasHistory = false;
  private readonly client: ClientBase;
  private readonly readings = new Map<string, Reading>();

  constructor(client: ClientBase) {
    this.client = client;
  }

  /** Reads what is known of the jobs without their stored tasks: blocks, and the history of the tasks that they hold. */
  async open(ledgers: Ledgers): Promise<void> {
    const open = new Map([...ledgers].filter(([, { job }]) => job.tasksClaimable > 0));
    if (open.size === 0) return;
    await fillBlocks(this.client, open);
    const held = [...open.values()].flatMap((ledger) =>
      [...ledger.tasks.values()].filter((task) => ledger.isClaimable(task)),
    );
    await this.readHistory(open, held);
  }

  /** Index up to which a job's claimable tasks of these types are known. */
  readonly readTo = (ledger: JobLedger, taskTypes: readonly string[]): number =>
    this.readings.get(readingKey(ledger, taskTypes))?.upTo ?? -1;

  /** Reads the first page of each job: twice its share of the slots, since jobs take turns. */
  async readFirst(ledgers: Ledgers, taskTypes: readonly string[], slots: number): Promise<void> {
    const open = new Map([...ledgers].filter(([, { job }]) => job.tasksClaimable > 0));
    if (open.size > 0) await this.readPages(open, taskTypes, Math.min(MAX_PAGE, 2 * Math.ceil(slots / open.size)));
  }

  async readMore(ledger: JobLedger, taskTypes: readonly string[]): Promise<void> {
    const { pageSize = 1 } = this.readings.get(readingKey(ledger, taskTypes)) ?? {};
    await this.readPages(new Map([[ledger.job.id, ledger]]), taskTypes, Math.min(MAX_PAGE, pageSize * 4));
  }

  private async readPages(ledgers: Ledgers, taskTypes: readonly string[], pageSize: number): Promise<void> {
    const after = new Map([...ledgers].map(([id, ledger]) => [id, this.readTo(ledger, taskTypes)]));
    const { tasks, upTo } = await fillClaimableTasks(this.client, ledgers, after, taskTypes, pageSize);
    for (const [id, ledger] of ledgers)
      this.readings.set(readingKey(ledger, taskTypes), { upTo: upTo.get(id)!, pageSize });
    await this.readHistory(ledgers, tasks);
  }

  private async readHistory(ledgers: Ledgers, tasks: readonly { id: string }[]): Promise<void> {
    if (tasks.length > 0)
      await fillFailuresOfTasks(
        this.client,
        ledgers,
        tasks.map(({ id }) => id),
      );
    this.hasHistory ||= [...ledgers.values()].some((ledger) => ledger.failures.size > 0 || ledger.blocks.size > 0);
  }
}

/** What was read for other task types says nothing. */
function readingKey(ledger: JobLedger, taskTypes: readonly string[]): string {
  return [ledger.job.id, ...[...taskTypes].sort()].join(' ');
}

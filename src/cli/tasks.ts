import { Command } from 'commander';
import { CommandFailure } from './command-failure.ts';
import { ask, chooseGateway, operation } from './gateway.ts';
import type { GlobalFlags } from './global-options.ts';
import { PAGE_INFO, type Page, readPages } from './pages.ts';
import { type Column, formatTable } from './table.ts';
import { formatEnum, formatPercent, formatWaiting, styleOfStatus } from './text.ts';

interface TaskLine {
  readonly id: string;
  readonly index: number;
  readonly name: string;
  readonly type: string;
  readonly frames: string | null;
  readonly status: string;
  readonly progress: number;
  readonly failedAttempts: number;
  readonly waitingFor: string | null;
  readonly worker: { readonly name: string } | null;
}

const TASKS = operation<{ job: { tasks: Page<TaskLine> } | null }, { id: string; after: string | null }>(`
  query Tasks($id: ID!, $after: String) {
    job(id: $id) {
      tasks(first: 100, after: $after) {
        nodes { id index name type frames status progress failedAttempts waitingFor worker { name } }
        ${PAGE_INFO}
      }
    }
  }`);

/** `tablao tasks JOB`: a table of all tasks of a job, in the order in which they are given out. */
export function tasksCommand(): Command {
  return new Command('tasks').description('List the tasks of a job.').argument('<job>', 'its id').action(listTasks);
}

async function listTasks(id: string, flags: GlobalFlags): Promise<void> {
  const gateway = chooseGateway(flags);
  const tasks = await readPages(async (after) => {
    const { job } = await ask(gateway, TASKS, { id, after });
    if (job === null) throw new CommandFailure(`There is no job with the id "${id}".`);
    return job.tasks;
  });
  process.stdout.write(flags.json ? `${JSON.stringify(tasks)}\n` : formatTable(COLUMNS, tasks));
}

const COLUMNS: readonly Column<TaskLine>[] = [
  { header: '#', align: 'right', read: ({ index }) => String(index) },
  { header: 'STATUS', read: ({ status }) => formatEnum(status), style: ({ status }) => styleOfStatus(status) },
  { header: 'DONE', align: 'right', read: ({ progress }) => formatPercent(progress) },
  { header: 'NAME', read: ({ name }) => name },
  {
    header: 'FAILED',
    align: 'right',
    read: ({ failedAttempts }) => (failedAttempts === 0 ? '' : `${failedAttempts}×`),
  },
  {
    header: 'WORKER',
    read: ({ worker, waitingFor }) => (waitingFor ? formatWaiting([waitingFor]) : (worker?.name ?? '')),
  },
  { header: 'ID', read: ({ id }) => id },
];

import { Command } from 'commander';
import { ask, chooseGateway, operation } from './gateway.ts';
import type { GlobalFlags } from './global-options.ts';
import { PAGE_INFO, type Page, readPages } from './pages.ts';
import { type Column, formatTable } from './table.ts';
import { formatAge, formatEnum, styleOfStatus } from './text.ts';

interface WorkerLine {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly requestedStatus: string | null;
  readonly taskTypes: readonly string[];
  readonly tags: readonly string[];
  readonly blenderVersions: readonly string[];
  readonly lastSeenAt: string;
  readonly currentAttempts: readonly {
    readonly task: { readonly name: string; readonly job: { readonly name: string } };
  }[];
}

const WORKERS = operation<{ workers: Page<WorkerLine> }, { after: string | null }>(`
  query Workers($after: String) {
    workers(first: 100, after: $after) {
      nodes {
        id name status requestedStatus taskTypes tags platform version blenderVersions devices { type name } offers lastSeenAt
        currentAttempts { task { name job { name } } }
      }
      ${PAGE_INFO}
    }
  }`);

/** `tablao workers`: a table of all workers, by name. */
export function workersCommand(): Command {
  return new Command('workers').description('List the workers.').action(listWorkers);
}

async function listWorkers(flags: GlobalFlags): Promise<void> {
  const gateway = chooseGateway(flags);
  const workers = await readPages(async (after) => (await ask(gateway, WORKERS, { after })).workers);
  process.stdout.write(flags.json ? `${JSON.stringify(workers)}\n` : describe(workers));
}

function describe(workers: readonly WorkerLine[]): string {
  return workers.length === 0 ? 'No workers.\n' : formatTable(columns(new Date()), workers);
}

function columns(now: Date): readonly Column<WorkerLine>[] {
  return [
    { header: 'STATUS', read: ({ status }) => formatEnum(status), style: ({ status }) => styleOfStatus(status) },
    { header: 'NAME', read: ({ name }) => name },
    {
      header: 'TASK',
      read: ({ currentAttempts }) => currentAttempts.map(({ task }) => `${task.job.name}: ${task.name}`).join(', '),
    },
    { header: 'TAKES', read: ({ taskTypes }) => taskTypes.join(' ') },
    { header: 'TAGS', read: ({ tags }) => tags.join(' ') },
    { header: 'BLENDER', read: ({ blenderVersions }) => blenderVersions.join(' ') },
    { header: 'SEEN', align: 'right', read: ({ lastSeenAt }) => `${formatAge(lastSeenAt, now)} ago` },
    { header: 'ID', read: ({ id }) => id },
  ];
}

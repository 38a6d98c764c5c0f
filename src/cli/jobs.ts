import { Command, Option } from 'commander';
import { JOB_STATUS_NAMES } from '../domain/job-status.ts';
import { CommandFailure } from './command-failure.ts';
import { ask, chooseGateway, operation } from './gateway.ts';
import type { GlobalFlags } from './global-options.ts';
import { wholeNumber } from './numbers.ts';
import { type Column, formatTable } from './table.ts';
import { formatAge, formatEnum, formatPercent, styleOfStatus } from './text.ts';
import { readUserName } from './user-name.ts';

interface Flags extends GlobalFlags {
  readonly status?: readonly string[];
  readonly mine?: boolean;
  readonly limit: number;
}

interface JobLine {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly progress: number;
  readonly priority: number;
  readonly submitter: string;
  readonly createdAt: string;
}

interface Page {
  readonly jobs: {
    readonly nodes: readonly JobLine[];
    readonly totalCount: number;
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

interface Filter {
  readonly statuses?: readonly string[];
  readonly submitter?: string;
}

const JOBS = operation<Page, { first: number; after: string | null; filter: Filter }>(`
  query Jobs($first: Int!, $after: String, $filter: JobFilter) {
    jobs(first: $first, after: $after, filter: $filter) {
      nodes { id name type status progress priority submitter createdAt }
      totalCount
      pageInfo { hasNextPage endCursor }
    }
  }`);

/** What one page holds at most. */
const PAGE_SIZE = 100;

/** `tablao jobs`: a table of jobs, the newest first. */
export function jobsCommand(): Command {
  return new Command('jobs')
    .description('List jobs, the newest first.')
    .addOption(
      new Option(
        '--status <status...>',
        `only those with one of these statuses: ${JOB_STATUS_NAMES.join(', ')}`,
      ).choices(JOB_STATUS_NAMES),
    )
    .option('--mine', 'only those that you submitted')
    .addOption(new Option('--limit <number>', 'how many at most').default(50).argParser(wholeNumber(1, 100_000)))
    .action(listJobs);
}

async function listJobs(flags: Flags): Promise<void> {
  const gateway = chooseGateway(flags);
  const filter: Filter = {
    ...(flags.status && { statuses: flags.status.map((name) => name.toUpperCase().replaceAll('-', '_')) }),
    ...(flags.mine && { submitter: requireUserName() }),
  };
  const jobs: JobLine[] = [];
  let total = 0;
  for (let after: string | null = null, hasMore = true; hasMore && jobs.length < flags.limit; ) {
    const first = Math.min(PAGE_SIZE, flags.limit - jobs.length);
    const page: Page['jobs'] = (await ask(gateway, JOBS, { first, after, filter })).jobs;
    jobs.push(...page.nodes);
    total = page.totalCount;
    after = page.pageInfo.endCursor;
    hasMore = page.pageInfo.hasNextPage;
  }
  process.stdout.write(flags.json ? `${JSON.stringify(jobs)}\n` : describe(jobs, total));
}

/** @throws CommandFailure */
function requireUserName(): string {
  const name = readUserName();
  if (name === undefined) throw new CommandFailure('The system does not know the name of this user: leave out --mine.');
  return name;
}

function describe(jobs: readonly JobLine[], total: number): string {
  if (jobs.length === 0) return 'No jobs.\n';
  const more = total > jobs.length ? `${jobs.length} of ${total.toLocaleString('en')} jobs; --limit shows more.\n` : '';
  return formatTable(columns(new Date()), jobs) + more;
}

function columns(now: Date): readonly Column<JobLine>[] {
  return [
    { header: 'STATUS', read: ({ status }) => formatEnum(status), style: ({ status }) => styleOfStatus(status) },
    { header: 'DONE', align: 'right', read: ({ progress }) => formatPercent(progress) },
    { header: 'NAME', read: ({ name }) => name },
    { header: 'PRIORITY', align: 'right', read: ({ priority }) => String(priority) },
    { header: 'SUBMITTER', read: ({ submitter }) => submitter },
    { header: 'AGE', align: 'right', read: ({ createdAt }) => formatAge(createdAt, now) },
    // Last, because nobody reads it; whole, because it is copied.
    { header: 'ID', read: ({ id }) => id },
  ];
}

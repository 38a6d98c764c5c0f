import { Command } from 'commander';
import { CommandFailure } from './command-failure.ts';
import { ask, chooseGateway, operation } from './gateway.ts';
import type { GlobalFlags } from './global-options.ts';
import { listFrames } from './job-frames.ts';
import {
  formatDuration,
  formatPercent,
  formatSeconds,
  formatStatus,
  formatWaiting,
  paint,
  toPlainText,
} from './text.ts';

interface JobDetails {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly status: string;
  readonly error: string | null;
  readonly priority: number;
  readonly maxWorkers: number | null;
  readonly workerTag: string | null;
  readonly submitter: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly progress: number;
  readonly frameCounts: { readonly total: number; readonly done: number };
  readonly taskCounts: Readonly<
    Record<'total' | 'queued' | 'active' | 'completed' | 'softFailed' | 'failed' | 'canceled', number>
  >;
  readonly secondsElapsed: number;
  readonly secondsLeft: number | null;
  readonly waitingFor: readonly string[];
  readonly waitingNotes: readonly string[];
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly latestFrame: {
    readonly number: number;
    readonly path: string | null;
    readonly renderSeconds: number | null;
  } | null;
}

const JOB = operation<{ job: JobDetails | null }, { id: string }>(`
  query Job($id: ID!) {
    job(id: $id) {
      id name type status statusReason error priority maxWorkers workerTag submitter settings metadata
      progress frameCounts { total done } taskCounts { total queued active completed softFailed failed canceled }
      secondsElapsed secondsLeft waitingFor waitingNotes createdAt startedAt finishedAt
      latestFrame { number path renderSeconds imageUrl }
    }
  }`);

interface Flags extends GlobalFlags {
  readonly frames?: boolean;
}

/** `tablao job JOB`: everything worth knowing about one job. */
export function jobCommand(): Command {
  return new Command('job')
    .description('Show a job.')
    .argument('<job>', 'its id')
    .option('--frames', 'list its frames: status, seconds, where the file is')
    .action((id: string, flags: Flags) => (flags.frames ? listFrames(id, flags) : showJob(id, flags)));
}

async function showJob(id: string, flags: GlobalFlags): Promise<void> {
  const { job } = await ask(chooseGateway(flags), JOB, { id });
  if (job === null) throw new CommandFailure(`There is no job with the id "${id}".`);
  process.stdout.write(flags.json ? `${JSON.stringify(job)}\n` : describe(job));
}

function describe(job: JobDetails): string {
  const { frameCounts, taskCounts, secondsLeft } = job;
  const frames = frameCounts.total > 0 ? `${frameCounts.done} of ${frameCounts.total} frames, ` : '';
  const left = secondsLeft === null ? '' : `, about ${formatDuration(secondsLeft)} left`;
  const lines: (readonly [string, string | null])[] = [
    ['id', job.id],
    ['type', job.type],
    ['status', formatStatus(job.status)],
    ['error', job.error],
    ['waiting', [formatWaiting(job.waitingFor), ...job.waitingNotes.map(toPlainText)].join('\n') || null],
    ['progress', `${frames}${formatPercent(job.progress)}`],
    ['latest', job.latestFrame && describeFrame(job.latestFrame)],
    ['tasks', describeTasks(taskCounts)],
    ['time', job.startedAt === null ? null : `${formatDuration(job.secondsElapsed)}${left}`],
    ['priority', String(job.priority)],
    ['workers', job.maxWorkers === null ? null : `at most ${job.maxWorkers}`],
    ['tag', job.workerTag],
    ['submitter', job.submitter],
    ['created', job.createdAt],
    ['started', job.startedAt],
    ['finished', job.finishedAt],
  ];
  const settings = Object.entries(job.settings).map(([key, value]) => [key, JSON.stringify(value)] as const);
  return [paint('bold', toPlainText(job.name)), ...format(lines), '', 'settings', ...format(settings), ''].join('\n');
}

function describeFrame({ number, path, renderSeconds }: JobDetails['latestFrame'] & object): string {
  return [`frame ${number}`, formatSeconds(renderSeconds), path].filter(Boolean).join(', ');
}

function describeTasks({ total, ...counts }: JobDetails['taskCounts']): string {
  const words = {
    queued: 'queued',
    active: 'active',
    completed: 'completed',
    softFailed: 'soft-failed',
    failed: 'failed',
    canceled: 'canceled',
  };
  const some = (Object.keys(words) as (keyof typeof words)[]).filter((key) => counts[key] > 0);
  return `${total}: ${some.map((key) => `${counts[key]} ${words[key]}`).join(', ')}`;
}

function format(lines: readonly (readonly [string, string | null])[]): string[] {
  const shown = lines.filter((line): line is readonly [string, string] => line[1] !== null);
  const width = Math.max(...shown.map(([label]) => label.length));
  return shown.map(([label, value]) => {
    const indented = value
      .trim()
      .split('\n')
      .join(`\n${' '.repeat(width + 4)}`);
    return `  ${paint('dim', label.padEnd(width))}  ${indented}`;
  });
}

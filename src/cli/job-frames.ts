import { CommandFailure } from './command-failure.ts';
import { ask, chooseGateway, operation } from './gateway.ts';
import type { GlobalFlags } from './global-options.ts';
import { PAGE_INFO, type Page, readPages } from './pages.ts';
import { type Column, formatTable } from './table.ts';
import { formatEnum, formatSeconds, styleOfStatus } from './text.ts';

interface FrameLine {
  readonly number: number;
  readonly status: string;
  readonly renderSeconds: number | null;
  readonly path: string | null;
  readonly imageUrl: string | null;
  readonly task: { readonly id: string; readonly name: string };
}

const FRAMES = operation<{ job: { frames: Page<FrameLine> } | null }, { id: string; after: string | null }>(`
  query Frames($id: ID!, $after: String) {
    job(id: $id) {
      frames(first: 100, after: $after) {
        nodes { number status renderSeconds path imageUrl task { id name } }
        ${PAGE_INFO}
      }
    }
  }`);

/** `tablao job JOB --frames`: a table of all frames of a job, by their numbers. */
export async function listFrames(id: string, flags: GlobalFlags): Promise<void> {
  const gateway = chooseGateway(flags);
  const frames = await readPages(async (after) => {
    const { job } = await ask(gateway, FRAMES, { id, after });
    if (job === null) throw new CommandFailure(`There is no job with the id "${id}".`);
    return job.frames;
  });
  process.stdout.write(flags.json ? `${JSON.stringify(frames)}\n` : describe(frames));
}

function describe(frames: readonly FrameLine[]): string {
  return frames.length === 0 ? 'The job has no frames.\n' : formatTable(COLUMNS, frames);
}

const COLUMNS: readonly Column<FrameLine>[] = [
  { header: 'FRAME', align: 'right', read: ({ number }) => String(number) },
  { header: 'STATUS', read: ({ status }) => formatEnum(status), style: ({ status }) => styleOfStatus(status) },
  { header: 'TIME', align: 'right', read: ({ renderSeconds }) => formatSeconds(renderSeconds) },
  { header: 'TASK', read: ({ task }) => task.name },
  { header: 'FILE', read: ({ path }) => path ?? '' },
];

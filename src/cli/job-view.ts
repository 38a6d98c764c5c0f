import type { WriteStream } from 'node:tty';
import { SingleBar } from 'cli-progress';
import type { JobState } from './job-stream.ts';
import { createAwayNotice } from './stream.ts';
import {
  formatCount,
  formatDuration,
  formatEnum,
  formatPercent,
  formatStatus,
  formatWaiting,
  paint,
  styleOfStatus,
  toPlainText,
} from './text.ts';

/** Shows how a job changes. */
export interface JobView {
  show(job: JobState): void;
  /** Whether the gateway is away, so that what is shown may be old. */
  showAway(isAway: boolean): void;
  /** Gives the terminal back. */
  close(): void;
}

/** A bar on a terminal, else a line for each status; with `json` an object for each state, one a line. */
export function createJobView(output: WriteStream, json: boolean): JobView {
  if (json) return createView((job) => void output.write(`${JSON.stringify(job)}\n`));
  return output.isTTY ? createBar(output) : createLines(output);
}

function createView(show: JobView['show']): JobView {
  return { show, showAway: createAwayNotice(), close: () => {} };
}

function createLines(output: NodeJS.WritableStream): JobView {
  let last = '';
  return createView((job) => {
    const reasons = describeWaiting(job);
    // A status, and what it waits for; not each frame.
    const key = `${job.status} ${reasons}`;
    if (key === last) return;
    last = key;
    output.write(`${[formatStatus(job.status), describeDone(job), reasons].filter(Boolean).join(', ')}\n`);
    if (job.error !== null) output.write(`${toPlainText(job.error)}\n`);
  });
}

/** Elapsed time runs on between two states. */
const TICK_MS = 500;

function createBar(output: WriteStream): JobView {
  let job: JobState | undefined;
  let at = 0;
  let isAway = false;
  const bar = new SingleBar({
    stream: output,
    hideCursor: true,
    fps: 10,
    // The last state must be drawn, however soon it follows the one before.
    forceRedraw: true,
    format: () => {
      if (job === undefined) return '';
      const since = job.taskCounts.active > 0 ? (performance.now() - at) / 1000 : 0;
      return formatBar(job, { sinceSeconds: since, columns: output.columns || 80, isAway });
    },
  });
  bar.start(1, 0);
  const redraw = () => bar.update(job?.progress ?? 0);
  const ticking = setInterval(redraw, TICK_MS);
  return {
    show(state) {
      job = state;
      at = performance.now();
      redraw();
    },
    showAway(value) {
      isAway = value;
    },
    close() {
      clearInterval(ticking);
      bar.stop();
      if (job?.error != null) output.write(`${toPlainText(job.error)}\n`);
    },
  };
}

const WIDEST_BAR = 30;
const NARROWEST_BAR = 8;

export interface BarCircumstances {
  /** How old the state is. */
  readonly sinceSeconds: number;
  /** Of the terminal. */
  readonly columns: number;
  /** Whether the gateway is away. */
  readonly isAway: boolean;
}

/**
 * One line, no wider than the terminal: `dance  ██████░░░░  12/24 frames  50 %  0:14, 0:15 left  active`. Where there is
 * little room, the bar is left out and the name shortened.
 */
export function formatBar(job: JobState, { sinceSeconds, columns, isAway }: BarCircumstances): string {
  const elapsed = formatDuration(job.secondsElapsed + sinceSeconds);
  const isRunning = isOpen(job) && job.secondsLeft !== null;
  const left = isRunning ? `, ${formatDuration(Math.max(0, job.secondsLeft! - sinceSeconds))} left` : '';
  const waits = isAway ? 'the gateway is away' : describeWaiting(job);
  const facts = [describeDone(job), formatPercent(job.progress), `${elapsed}${left}`];
  const status = waits || formatEnum(job.status);
  const style = waits ? 'yellow' : styleOfStatus(job.status);
  const fixed = [...facts, status].join('  ').length;
  const room = columns - 1 - fixed - 2;
  const name = shorten(toPlainText(job.name), Math.max(8, Math.min(24, room - NARROWEST_BAR - 2)));
  const width = Math.min(WIDEST_BAR, room - name.length - 2);
  const bar = width >= NARROWEST_BAR ? [drawBar(job, width)] : [];
  const painted = style === undefined ? status : paint(style, status);
  return [paint('bold', name), ...bar, ...facts, painted].join('  ');
}

function drawBar({ progress, status }: JobState, width: number): string {
  const full = Math.floor(progress * width);
  const style = styleOfStatus(status) ?? 'cyan';
  return paint(style, '█'.repeat(full)) + paint('dim', '░'.repeat(width - full));
}

function describeDone({ frameCounts, taskCounts }: JobState): string {
  const [done, total, noun] =
    frameCounts.total > 0
      ? [frameCounts.done, frameCounts.total, 'frame']
      : [taskCounts.completed, taskCounts.total, 'task'];
  return `${done.toLocaleString('en')}/${formatCount(total, noun)}`;
}

/** A job of which something runs makes its way, whatever else of it waits. */
function describeWaiting(job: JobState): string {
  return isOpen(job) && job.taskCounts.active === 0 ? formatWaiting(job.waitingFor) : '';
}

function isOpen({ status }: JobState): boolean {
  return status === 'QUEUED' || status === 'ACTIVE';
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

import { stripVTControlCharacters, styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];

/** Coloured on a terminal, unless NO_COLOR says otherwise. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** What others wrote (names, errors, logs), without anything that a terminal would take for a command. */
export function toPlainText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it removes
  return stripVTControlCharacters(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}

/** As the documentation writes it: `SOFT_FAILED` → `soft-failed`. */
export function formatEnum(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** `0:05`, `12:34`, `1:02:03`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const pad = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

/** How long one thing took: `0.4 s`, `12.3 s`, then as formatDuration; empty when it is not known. */
export function formatSeconds(seconds: number | null): string {
  if (seconds === null) return '';
  return seconds < 60 ? `${seconds.toFixed(1)} s` : formatDuration(seconds);
}

/** How long ago, in the largest unit that fits: `12 s`, `5 min`, `3 h`, `2 d`. */
export function formatAge(moment: string, now: Date): string {
  const seconds = Math.max(0, (now.getTime() - Date.parse(moment)) / 1000);
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function formatCount(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** Rounded down: 100 % is said of what is done, and of nothing else. */
export function formatPercent(fraction: number): string {
  return `${Math.floor(fraction * 100)} %`;
}

const STATUS_STYLES: Readonly<Record<string, Style>> = {
  ACTIVE: 'cyan',
  COMPLETED: 'green',
  FAILED: 'red',
  SOFT_FAILED: 'yellow',
  CANCEL_REQUESTED: 'yellow',
  REQUEUEING: 'yellow',
  CANCELED: 'dim',
  AWAKE: 'green',
  ASLEEP: 'yellow',
  OFFLINE: 'dim',
  LOST: 'red',
};

export function styleOfStatus(status: string): Style | undefined {
  return STATUS_STYLES[status];
}

export function formatStatus(status: string): string {
  const style = styleOfStatus(status);
  return style === undefined ? formatEnum(status) : paint(style, formatEnum(status));
}

const WAITING_WORDS: Readonly<Record<string, string>> = {
  DEPENDENCY: 'for other tasks',
  WORKER_LIMIT: "for its turn: the job's maxWorkers is reached",
  NO_CAPABLE_WORKER: 'for a worker that can do it',
  BACKING_OFF: 'before it is tried again',
  ALL_WORKERS_BUSY: 'for a free worker',
};

/** `waits for a free worker`. */
export function formatWaiting(reasons: readonly string[]): string {
  const words = reasons.map((reason) => WAITING_WORDS[reason] ?? `(${formatEnum(reason)})`);
  return words.length === 0 ? '' : `waits ${words.join(', ')}`;
}

import type { StatusReason } from './status-reason.ts';

/** How an attempt ended. `counted`: as a failure of the task, unless a stop order was out. */
// biome-ignore format: one row per line
export const ATTEMPT_OUTCOMES = {
  COMPLETED:   { counted: false, meaning: 'The worker executed the task successfully.' },
  FAILED:      { counted: true,  meaning: 'The worker reported a failure.' },
  TIMED_OUT:   { counted: true,  meaning: 'The attempt exceeded a time limit of the job.' },
  LOST:        { counted: true,  meaning: 'The worker stayed silent for longer than its lease, or signed on anew without a word.' },
  STOPPED:     { counted: false, meaning: 'The worker was told to stop, or was deleted.' },
  HANDED_BACK: { counted: false, meaning: 'The worker gave the task back unasked.' },
} as const satisfies Record<string, { counted: boolean; meaning: string }>;

export type AttemptOutcome = keyof typeof ATTEMPT_OUTCOMES;

/** The reason that a counted failure gives to the task's change. */
export const FAILURE_REASONS = {
  FAILED: 'FAILED_ATTEMPT',
  TIMED_OUT: 'TIMED_OUT',
  LOST: 'WORKER_LOST',
} as const satisfies Partial<Record<AttemptOutcome, StatusReason>>;

/** What went wrong in an attempt. */
// biome-ignore format: one row per line
export const FAILURE_KINDS = {
  EXIT_CODE:         'A program ended with an exit code other than 0.',
  NO_FRAME:          'Blender ended without an error, but a frame is missing.',
  BAD_FRAME:         'A frame was written, but its file is not complete.',
  FILE_NOT_FOUND:    'A file that the job reads is not there.',
  FILE_CHANGED:      'A file that the job reads is not the one that was submitted.',
  PROGRAM_NOT_FOUND: 'The worker has no such program.',
  SCRIPT_ERROR:      'A Python script failed inside Blender.',
  DISK_FULL:         'There is no space left for the output.',
  TIMED_OUT:         'A time limit of the job was exceeded.',
  WORKER_LOST:       'The worker stayed silent for longer than its lease.',
  OTHER:             'Anything else; the message says what.',
} as const satisfies Record<string, string>;

export type FailureKind = keyof typeof FAILURE_KINDS;

/**
 * What a live attempt's worker is told. CANCELED replaces RECALLED, otherwise the first order stays.
 * CANCELED: the task is to end canceled. RECALLED: the task is to wait again.
 */
export type StopOrder = 'CANCELED' | 'RECALLED';

// biome-ignore format: one row per line
export const WORKER_STATUSES = {
  AWAKE:   'It takes work, or is busy with it.',
  ASLEEP:  'It is signed on, but takes no work.',
  OFFLINE: 'It signed off.',
  LOST:    'It stayed silent for longer than its lease.',
} as const satisfies Record<string, string>;
export type WorkerStatus = keyof typeof WORKER_STATUSES;

/** The statuses that a worker itself may report. */
export type ReportedWorkerStatus = 'AWAKE' | 'ASLEEP';

// biome-ignore format: one row per line
export const WORKER_STATUS_REQUESTS = {
  AWAKE:   'Take work.',
  ASLEEP:  'Stay signed on, but take no work, until asked to be awake.',
  OFFLINE: 'Sign off and end the program.',
  RESTART: 'Sign off and start the program anew.',
} as const satisfies Record<string, string>;
export type WorkerStatusRequest = keyof typeof WORKER_STATUS_REQUESTS;

// biome-ignore format: one row per line
export const REQUEST_TIMINGS = {
  NOW:                'Running tasks are recalled: they wait for another worker and do not count as failed.',
  AFTER_CURRENT_TASK: 'Running tasks are finished first; no new ones are given out.',
} as const satisfies Record<string, string>;
export type RequestTiming = keyof typeof REQUEST_TIMINGS;

/** Why a status changed; which change has which reason stands beside each value. */
// biome-ignore format: one row per line, as in the documentation
export const STATUS_REASONS = {
  SUBMITTED:             'The job was submitted and compiled into tasks.',
  CLAIMED:               'A worker was given the task; the first claim makes the job active.',
  FINISHED:              'The task was executed successfully; or the job ended.',
  FAILED_ATTEMPT:        'A worker reported that the attempt failed.',
  WORKER_LOST:           'The worker stayed silent for longer than its lease.',
  TIMED_OUT:             'The attempt exceeded a time limit of the job.',
  HANDED_BACK:           'The attempt ended without counting as a failure: it was handed back, stopped or recalled.',
  USER:                  'A user asked for it.',
  JOB_CANCELED:          'The task was canceled together with its job.',
  JOB_FAILED:            'The task was canceled because too many others failed.',
  DEPENDENCY_UNFINISHED: 'The task was closed when its job ended, because what it depends on did not complete.',
  DEPENDENCY_REQUEUED:   'The task waits again, because what it depends on was requeued.',
  LATE_RESULT:           'A worker that was thought lost delivered the finished task.',
  ATTEMPT_RESUMED:       'A worker that was thought lost came back and goes on with the task.',
} as const satisfies Record<string, string>;

export type StatusReason = keyof typeof STATUS_REASONS;

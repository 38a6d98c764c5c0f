/** How a command ends, for scripts (README: "Exit codes"). */
export const EXIT_CODES = {
  done: 0,
  failed: 1,
  usage: 2,
  jobFailed: 3,
  jobCanceled: 4,
  interrupted: 130,
} as const satisfies Record<string, number>;

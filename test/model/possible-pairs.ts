/**
 * The statuses of a job and of a task of it that can be met together, between two transactions. The walks find exactly
 * these; the tests of requests take the other combinations as never asked for.
 */
// biome-ignore format: one status of the job per line
export const POSSIBLE_PAIRS: Readonly<Record<string, readonly string[]>> = {
  'queued':           ['queued', 'completed', 'failed', 'canceled'],
  'active':           ['queued', 'active', 'active, being canceled', 'completed', 'soft-failed', 'failed', 'canceled'],
  'completed':        ['completed'],
  'failed':           ['completed', 'failed', 'canceled'],
  'cancel-requested': ['active, being canceled', 'completed', 'failed', 'canceled'],
  'canceled':         ['completed', 'failed', 'canceled'],
};

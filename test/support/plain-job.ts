import type { Store } from '../../src/store/store.ts';
import { type CompiledJob, submitJob } from '../../src/store/submit-job.ts';

/** Submits a job of so many tasks that depend on nothing, past the API; returns its id. */
export async function submitPlainJob(store: Store, tasks: number, change: Partial<CompiledJob> = {}): Promise<string> {
  const { jobId } = await submitJob(store, {
    name: 'plain',
    type: 'plain',
    jobTypeVersion: '1.0.0',
    priority: 50,
    maxWorkers: null,
    workerTag: null,
    needs: {},
    maxAttempts: 3,
    failureLimitPercent: 100,
    taskTimeoutSeconds: null,
    noOutputTimeoutSeconds: null,
    submitter: 'test',
    settings: {},
    metadata: {},
    files: [],
    idempotencyKey: null,
    input: {},
    tasks: Array.from({ length: tasks }, (_, index) => ({
      name: `task ${index + 1}`,
      type: 'misc',
      frames: null,
      commands: [],
      dependsOn: [],
    })),
    ...change,
  });
  return jobId;
}

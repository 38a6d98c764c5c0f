import type { InputIssue } from './input-issue.ts';
import { validateSettings } from './job-settings.ts';
import { type CompiledTask, type JobType, MAX_TASKS, type Settings } from './job-type.ts';

/** What a job type makes of settings: all of it by one version of the type. */
export type PreparedJob = { readonly version: string } & (
  | { readonly settings: Settings; readonly tasks: readonly CompiledTask[] }
  | { readonly issues: readonly InputIssue[] }
);

/** What is asked of a job type. */
export interface JobRequest {
  readonly jobName: string;
  /** As they were submitted. */
  readonly settings: unknown;
}

/** Checks the settings and compiles them. */
export function prepareJob(jobType: JobType, { jobName, settings: given }: JobRequest): PreparedJob {
  const { version } = jobType;
  const result = validateSettings(jobType.settings, given);
  if ('issues' in result) return { version, issues: result.issues };
  const tasks = jobType.compile({ jobName, settings: result.settings });
  if (tasks.length > 0 && tasks.length <= MAX_TASKS) return { version, settings: result.settings, tasks };
  const message = `These settings make ${tasks.length} tasks.`;
  const allowed = `1–${MAX_TASKS.toLocaleString('en')} tasks`;
  return { version, issues: [{ path: ['settings'], message, allowed }] };
}

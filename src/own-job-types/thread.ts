/*
 * Runs in a worker thread: imports one module of somebody else's, looks at the job type that it exports, and compiles a job
 * with it if it is asked to. What happens in here may take for ever, eat memory or end the thread; run-thread.ts sees to that.
 */
import { pathToFileURL } from 'node:url';
import { type MessagePort, workerData } from 'node:worker_threads';
import { validateSettings } from '../domain/job-settings.ts';
import { JOB_TYPE_TOOLS } from '../domain/job-type-tools.ts';
import { type CheckedJobType, readOwnJobType } from '../domain/own-job-type.ts';
import type { JobRequest } from '../domain/prepare-job.ts';
import { readTasks } from '../domain/task-rules.ts';
import { placeOf } from './error-place.ts';
import type { ThreadAnswer, ThreadRequest } from './thread-messages.ts';

/** Of the tasks as JSON: they wait in the gateway's memory until they are stored. */
const MAX_BYTES = 64 * 1024 * 1024;

const { file, job, port } = workerData as ThreadRequest & { readonly port: MessagePort };
// Keeps the thread alive until it is ended, even while it waits for what never comes.
port.on('message', () => {});
void answer().then((answered) => port.postMessage(answered));

async function answer(): Promise<ThreadAnswer> {
  const imported = await attempt(
    async () => ((await import(pathToFileURL(file).href)) as { default?: unknown }).default,
  );
  if ('fault' in imported) return imported;
  const read = await attempt(async () => readOwnJobType(imported.value));
  if ('fault' in read) return read;
  if ('faults' in read.value) return { fault: { message: read.value.faults.join(' '), line: null, isSyntax: false } };
  const { jobType } = read.value;
  const compiled = job === null ? { value: undefined } : await attempt(() => compile(jobType, job));
  return 'fault' in compiled ? compiled : { declaration: toJson(jobType), compiled: compiled.value };
}

async function compile(jobType: CheckedJobType, { jobName, settings: given }: JobRequest) {
  const result = validateSettings(jobType.settings, given);
  if ('issues' in result) return { issues: result.issues };
  const { settings } = result;
  const read = readTasks(await jobType.compile({ jobName, settings }, JOB_TYPE_TOOLS), jobType.taskTypes);
  if ('faults' in read) return { faults: read.faults };
  const tasks = JSON.stringify(read.tasks);
  return tasks.length > MAX_BYTES
    ? {
        faults: [
          `These settings make ${Math.ceil(tasks.length / 2 ** 20)} MiB of tasks; at most ${MAX_BYTES / 2 ** 20} are allowed.`,
        ],
      }
    : { settings, tasks };
}

async function attempt<Value>(
  run: () => Promise<Value>,
): Promise<{ value: Value } | Extract<ThreadAnswer, { fault: unknown }>> {
  try {
    return { value: await run() };
  } catch (error) {
    return { fault: { ...placeOf(error, file), isSyntax: error instanceof SyntaxError } };
  }
}

/** Without its functions, which cannot leave the thread. */
function toJson(jobType: CheckedJobType): string {
  const { compile: _, ...declaration } = jobType;
  return JSON.stringify(declaration);
}

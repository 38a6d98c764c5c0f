import {
  type GraphQLField,
  type GraphQLNamedType,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  isUnionType,
} from 'graphql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { schema } from '../../src/graphql/schema.ts';
import { type Spoiled, spoil, writeJson } from '../support/bad-input.ts';
import { Farm } from '../support/farm.ts';
import type { FarmWorker } from '../support/farm-worker.ts';
import { readEvents } from '../support/server.ts';
import { independent } from '../support/shape-job-type.ts';

/**
 * Every argument and every input field of the API, each with everything that nobody should send. Whatever comes back says
 * what is wrong: a member of the field's union, or an error of the request with a code of ours. Never "something failed
 * inside", never SQL.
 */

type Values = Record<string, unknown>;
interface Call {
  /** Arguments that are taken. */
  readonly args: (given: Given) => Values;
  /** Around the field, where it is not a field of the root. */
  readonly around?: (field: string, given: Given) => string;
  readonly isWorkers?: true;
}
type Coordinate = `${string}.${string}`;
interface Given {
  readonly jobId: string;
  readonly taskId: string;
  /** One that has an attempt. */
  readonly loggedTaskId: string;
  readonly worker: FarmWorker;
  /** One that may be deleted. */
  readonly workerId: string;
  readonly attemptToken: string;
}

let farm: Farm;
let given: Given;
beforeAll(async () => {
  farm = await Farm.start();
  const worker = await farm.worker('speaks');
  const idle = await farm.worker('idle');
  const job = await farm.submit(independent(3), { settings: { framesEach: 3 } });
  const { attemptToken } = (await worker.claim())!;
  await worker.appendLog(attemptToken, 0, 'line\n');
  given = {
    jobId: job.id,
    taskId: job.tasks[1]!,
    loggedTaskId: job.tasks[0]!,
    worker,
    workerId: idle.id,
    attemptToken,
  };
});
afterAll(() => farm.close());

const job = (more: Values = {}) => ({ args: ({ jobId }: Given) => ({ input: { id: jobId, ...more } }) });
const task = (more: Values = {}) => ({ args: ({ taskId }: Given) => ({ input: { id: taskId, ...more } }) });
const inJob = (field: string, { jobId }: Given) => `job(id: ${JSON.stringify(jobId)}) { ${field} }`;
const inTask = (field: string, { taskId }: Given) => `task(id: ${JSON.stringify(taskId)}) { ${field} }`;
const page = { first: 1, after: null, last: null, before: null };
const SUBMISSION = {
  type: 'echo-sleep-test',
  name: 'job',
  settings: { repeats: 2 },
  files: [{ path: '/a.blend', bytes: 1, modifiedAt: '2026-01-01T12:00:00Z', sha256: 'a'.repeat(64) }],
  metadata: { shot: '010' },
};

// biome-ignore format: one field per line
const CALLS: Record<string, Call> = {
  'Query.node':             { args: ({ jobId }) => ({ id: jobId }) },
  'Query.nodes':            { args: ({ jobId }) => ({ ids: [jobId] }) },
  'Query.job':              { args: ({ jobId }) => ({ id: jobId }) },
  'Query.task':             { args: ({ taskId }) => ({ id: taskId }) },
  'Query.worker':           { args: ({ workerId }) => ({ id: workerId }) },
  'Query.jobs':             { args: () => ({ ...page, filter: { metadata: [{ key: 'shot', value: '010' }] }, orderBy: { field: 'NAME', direction: 'ASC' } }) },
  'Query.workers':          { args: () => page },
  'Query.jobType':          { args: () => ({ name: 'echo-sleep-test' }) },
  'Query.previewJob':       { args: () => ({ input: SUBMISSION }) },
  'Query.statusChanges':    { args: ({ jobId }) => ({ jobId, filter: {} }) },
  'Query.taskLog':          { args: ({ taskId }) => ({ taskId }) },
  'Job.tasks':              { args: () => page, around: inJob },
  'Job.frames':             { args: () => ({ first: 1 }), around: inJob },
  'Job.statusChanges':      { args: () => ({ first: 1 }), around: inJob },
  'Task.attempts':          { args: () => page, around: inTask },
  'Task.dependencies':      { args: () => page, around: inTask },
  'JobPreview.tasks':       { args: () => ({ first: 1 }), around: (field) => `previewJob(input: { type: "echo-sleep-test", name: "job", settings: {} }) { ... on JobPreview { ${field} } }` },
  'Mutation.submitJob':     { args: () => ({ input: SUBMISSION }) },
  'Mutation.cancelJob':     job(),
  'Mutation.requeueJob':    job(),
  'Mutation.setJobStatus':  job({ status: 'QUEUED' }),
  'Mutation.updateJob':     job({ name: 'job', metadata: {} }),
  'Mutation.deleteJob':     { args: () => ({ input: { id: 'nothing' } }) },
  'Mutation.cancelJobs':    { args: () => ({ input: { ids: ['nothing'] } }) },
  'Mutation.requeueJobs':   { args: () => ({ input: { ids: ['nothing'] } }) },
  'Mutation.deleteJobs':    { args: () => ({ input: { ids: ['nothing'] } }) },
  'Mutation.cancelTask':    task(),
  'Mutation.requeueTask':   task(),
  'Mutation.setTaskStatus': task({ status: 'QUEUED' }),
  'Mutation.cancelTasks':   { args: ({ taskId }) => ({ input: { ids: [taskId] } }) },
  'Mutation.requeueTasks':  { args: ({ taskId }) => ({ input: { ids: [taskId] } }) },
  'Mutation.requeueFrames': { args: ({ jobId }) => ({ input: { jobId, frames: '4' } }) },
  'Mutation.requestWorkerStatus': { args: ({ workerId }) => ({ input: { id: workerId, status: 'ASLEEP' } }) },
  'Mutation.updateWorker':  { args: ({ workerId }) => ({ input: { id: workerId, tags: ['gpu'], taskTypes: ['misc'] } }) },
  'Mutation.deleteWorker':  { args: () => ({ input: { id: 'nothing' } }) },
  'Mutation.unblockWorker': { args: ({ jobId, workerId }) => ({ input: { jobId, workerId, taskType: 'misc' } }) },
  'Mutation.registerWorker': { args: () => ({ input: { name: 'new', platform: 'linux' } }) },
  'Mutation.appendTaskLog': { args: ({ worker, attemptToken }) => ({ input: { sessionId: worker.sessionId, attemptToken, offset: 5, text: 'line' } }), isWorkers: true },
  'Mutation.putFramePicture': { args: ({ worker, attemptToken }) => ({ input: { sessionId: worker.sessionId, attemptToken, frame: 1, jpeg: '' } }), isWorkers: true },
  'Mutation.syncWorker':    { args: ({ worker, attemptToken }) => ({ input: { sessionId: worker.sessionId, status: 'AWAKE', running: [attemptToken], freeSlots: 0, waitSeconds: 0,
                                reports: [{ attemptToken, sequence: 1, at: '2026-01-01T12:00:00Z', event: { progress: { fraction: 0.5 } } }] } }), isWorkers: true },
  'Mutation.signOnWorker':  { args: () => ({ input: { version: '1', protocol: 1, taskTypes: ['misc'], tags: ['gpu'], blenderVersions: ['4.5.1'] } }), isWorkers: true },
  'Mutation.signOffWorker': { args: () => ({ input: { sessionId: 'nothing' } }), isWorkers: true },
  'Subscription.statusChanges': { args: ({ jobId }) => ({ jobId, filter: {} }) },
  'Subscription.taskLog':   { args: ({ loggedTaskId }) => ({ taskId: loggedTaskId }) },
  'Subscription.jobUpdated': { args: ({ jobId }) => ({ id: jobId }) },
  'Subscription.taskUpdated': { args: ({ taskId }) => ({ id: taskId }) },
  'Subscription.jobsUpdated': { args: () => ({ filter: { metadata: [{ key: 'shot', value: '010' }] }, orderBy: { field: 'NAME', direction: 'ASC' } }) },
  'Subscription.tasksUpdated': { args: ({ jobId }) => ({ jobId, filter: {} }) },
  'Subscription.workersUpdated': { args: () => ({ filter: {} }) },
};

/** The fields that take arguments. */
const FIELDS = new Map(
  Object.values(schema.getTypeMap())
    .filter((type) => (isObjectType(type) || isInterfaceType(type)) && !type.name.startsWith('__'))
    .flatMap((type) =>
      Object.values((type as { getFields(): Record<string, GraphQLField<unknown, unknown>> }).getFields()).map(
        (field) => [`${type.name}.${field.name}`, field] as const,
      ),
    )
    .filter(([, field]) => field.args.length > 0),
);

/** What a union's errors say beside the message. */
const MORE: Record<string, string> = {
  InvalidInputError: '{ issues { path message given allowed } }',
  NotFoundError: '{ id }',
};

function select(type: GraphQLNamedType): string {
  if (!isUnionType(type)) return isCompositeType(type) ? '{ __typename }' : '';
  const members = type.getTypes().filter(({ name }) => MORE[name]);
  return `{ __typename ... on Error { code message } ${members.map(({ name }) => `... on ${name} ${MORE[name]}`).join(' ')} }`;
}

function write(coordinate: string, field: GraphQLField<unknown, unknown>, call: Call): string {
  const [parent] = coordinate.split('.');
  const operation = { Mutation: 'mutation', Subscription: 'subscription' }[parent!] ?? 'query';
  const declared = field.args.map(({ name, type }) => `$${name}: ${type}`).join(', ');
  const passed = field.args.map(({ name }) => `${name}: $${name}`).join(', ');
  const asked = `${field.name}(${passed}) ${select(getNamedType(field.type))}`;
  return `${operation} (${declared}) { ${call.around?.(asked, given) ?? asked} }`;
}

interface Answer {
  readonly data?: Values | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** The answer, or the first message of a stream. */
async function ask(
  query: string,
  variables: Values,
  token: string | undefined,
): Promise<{ status: number; answer: Answer }> {
  const isStream = query.startsWith('subscription');
  const abort = new AbortController();
  try {
    const response = await fetch(`${farm.gateway.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(isStream && { accept: 'text/event-stream' }),
        ...(token && { authorization: `Bearer ${token}` }),
      },
      body: writeJson({ query, variables }),
      signal: abort.signal,
    });
    if (!response.headers.get('content-type')?.includes('event-stream'))
      return { status: response.status, answer: (await response.json()) as Answer };
    for await (const { type, data } of readEvents(response))
      if (type === 'next') return { status: response.status, answer: JSON.parse(data) as Answer };
    throw new Error('The stream ended without a message.');
  } finally {
    abort.abort();
  }
}

const REQUEST_ERRORS = ['BAD_REQUEST', 'QUERY_TOO_COMPLEX', 'PAYLOAD_TOO_LARGE', 'FORBIDDEN', 'UNAUTHENTICATED'];

/** What is wrong with an answer; null when it is one that tells what was wrong with the question, or just answers it. */
function findFault({ status, answer }: { status: number; answer: Answer }): string | null {
  for (const { message, extensions } of answer.errors ?? []) {
    if (!REQUEST_ERRORS.includes(extensions?.code ?? '')) return `${status} ${extensions?.code}: ${message}`;
    if (message.length < 10 || message.length > 2_000) return `a message of ${message.length} characters`;
  }
  return findVagueness(answer.data);
}

/** The first error anywhere in the data that helps nobody. */
function findVagueness(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const { message, issues = [] } = value as { message?: string; issues?: Issue[] };
  if (message !== undefined && (message.length < 10 || message.length > 2_000))
    return `a message of ${message.length} characters`;
  for (const { path, message: what, allowed } of issues)
    if (path.length === 0 || what === '' || allowed === null)
      return `an issue that says too little: ${path} ${what} ${allowed}`;
  for (const inner of Object.values(value)) {
    const fault = findVagueness(inner);
    if (fault) return fault;
  }
  return null;
}

interface Issue {
  readonly path: readonly string[];
  readonly message: string;
  readonly allowed: string | null;
}

describe('bad input', () => {
  it('is tried on every field that takes arguments', () => {
    expect(Object.keys(CALLS).sort()).toEqual([...FIELDS.keys()].sort());
  });

  it.each(Object.keys(CALLS) as Coordinate[])('of %s is refused with a reason', async (coordinate) => {
    const field = FIELDS.get(coordinate)!;
    const call = CALLS[coordinate]!;
    const query = write(coordinate, field, call);
    const valid = call.args(given);
    const token = call.isWorkers && given.worker.token;
    const faults: string[] = [];
    const check = async ({ path, value }: Spoiled, variables: Values) => {
      const fault = findFault(await ask(query, variables, token));
      if (fault) faults.push(`${path} = ${JSON.stringify(value)?.slice(0, 100)}: ${fault.slice(0, 300)}`);
    };
    expect(findFault(await ask(query, valid, token)), 'what is valid').toBeNull();
    for (const argument of field.args)
      for (const spoiled of spoil(argument.type, valid[argument.name], argument.name))
        await check(spoiled, { ...valid, [argument.name]: spoiled.value });
    expect(faults).toEqual([]);
  });
});

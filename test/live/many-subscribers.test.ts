import { afterAll, beforeAll, expect, it } from 'vitest';
import { STATUS_CHANGES } from '../support/change-stream.ts';
import { globalId, type LiveGateway, startLiveGateway } from '../support/live-gateway.ts';
import { PAUSABLE_TRANSPORTS, type PausableReader } from '../support/pausable-reader.ts';
import { submitPlainJob } from '../support/plain-job.ts';

const TASKS = 10_000;
const EACH = 25;

let gateway: LiveGateway;
beforeAll(async () => {
  gateway = await startLiveGateway();
});
afterAll(() => gateway.close());

/** The four kinds of streams, and when one of them has the right state. */
const KINDS = {
  statusChanges: {
    query: STATUS_CHANGES.replace('__typename cursor sequence jobId reason', 'sequence'),
    create: () => {
      let seen = 2; // born and queued before
      let disorder = 0;
      return {
        take(text: string) {
          for (const [, sequence] of text.matchAll(/"sequence":(\d+)/g)) {
            if (Number(sequence) !== seen + 1) disorder += 1;
            seen = Number(sequence);
          }
        },
        // cancel-requested, every task, canceled
        isRight: () => seen === 2 + 1 + TASKS + 1 && disorder === 0,
      };
    },
  },
  jobUpdated: {
    query: 'subscription ($jobId: ID!) { jobUpdated(id: $jobId) { ... on Job { status taskCounts { canceled } } } }',
    create: newest(`"status":"CANCELED","taskCounts":{"canceled":${TASKS}}`),
  },
  jobsUpdated: {
    query: 'subscription { jobsUpdated(first: 5) { order changed { status taskCounts { canceled } } } }',
    create: newest(`"status":"CANCELED","taskCounts":{"canceled":${TASKS}}`),
  },
  tasksUpdated: {
    query:
      'subscription ($jobId: ID!) { tasksUpdated(jobId: $jobId, first: 100) { ... on TasksUpdate { changed { status } } } }',
    create: newest(Array(100).fill('{"status":"CANCELED"}').join(',')),
  },
} as const;

function newest(expected: string) {
  return () => {
    let last = '';
    return {
      take(text: string) {
        last = text;
      },
      isRight: () => last.includes(expected),
    };
  };
}

it('the cancel of 10,000 tasks reaches 200 subscribers of every kind over both transports, exact ones with each change', async () => {
  const jobId = globalId('Job', await submitPlainJob(gateway.store, TASKS));
  const subscribers: { kind: string; isRight: () => boolean; reader: PausableReader }[] = [];
  for (const transport of PAUSABLE_TRANSPORTS)
    for (const [kind, { query, create }] of Object.entries(KINDS))
      for (let number = 0; number < EACH; number += 1) {
        const { take, isRight } = create();
        const reader = await transport.open(gateway.url, { query, variables: { jobId } }, take);
        subscribers.push({ kind, isRight, reader });
      }
  expect(subscribers).toHaveLength(200);

  const begun = performance.now();
  await gateway.ask(`mutation ($id: ID!) { cancelJob(input: { id: $id }) { ... on JobSuccess { changed } } }`, {
    id: jobId,
  });
  const answered = performance.now() - begun;
  const wrong = () => subscribers.filter(({ isRight }) => !isRight()).map(({ kind }) => kind);
  await expect.poll(wrong, { timeout: 25_000 }).toEqual([]);
  const took = performance.now() - begun;
  console.info(`canceled after ${answered.toFixed(0)} ms, known to all 200 after ${took.toFixed(0)} ms`);
  for (const { reader } of subscribers) reader.close();
}, 60_000);

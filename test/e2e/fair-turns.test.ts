import { afterEach, beforeEach, expect, it } from 'vitest';
import { storedId } from '../support/farm.ts';
import { until } from '../support/processes.ts';
import { RenderFarm } from '../support/render-farm.ts';

/*
 * "Higher priority first, then the job with fewer running tasks, then the older one", with real workers. Each claim is
 * judged by what the event feed says was running and waiting just before it, so no speed of the machine decides.
 */

let farm: RenderFarm;
beforeEach(async () => {
  farm = await RenderFarm.start('fair-turns');
});
afterEach(() => farm.close());

/** A job as the feed shows it at one moment. */
interface Contender {
  readonly name: string;
  readonly priority: number;
  /** From then on (ms since the epoch) every claim saw it: its submission had been answered. */
  readonly seenFrom: number;
  waiting: number;
  running: number;
}

async function submit(name: string, priority: number, repeats: number): Promise<[string, Contender]> {
  const { submitJob } = await farm.gateway.run<{ submitJob: { job: { id: string } } }>(
    'mutation ($input: SubmitJobInput!) { submitJob(input: $input) { ... on SubmitJobSuccess { job { id } } } }',
    { input: { type: 'echo-sleep-test', name, priority, settings: { sleepSeconds: 0.3, repeats } } },
  );
  return [storedId(submitJob.job.id), { name, priority, seenFrom: Date.now(), waiting: repeats, running: 0 }];
}

interface Change {
  readonly xid: string;
  readonly jobId: string;
  readonly at: Date;
  readonly kind: string;
  readonly to: string;
  readonly count: number;
}
async function readFeed(): Promise<Change[]> {
  const { rows } = await farm.gateway.database.pool.query<Change>(
    `SELECT xid::text, job_id AS "jobId", at, kind, to_status AS "to", cardinality(task_ids) AS count FROM event ORDER BY event.xid, id`,
  );
  return rows;
}

/** Whose turn it is: `jobs` are in the order of their age. */
function nextInTurn(jobs: readonly Contender[], at: Date): Contender | undefined {
  const contenders = jobs.filter(({ waiting, seenFrom }) => waiting > 0 && seenFrom <= at.getTime());
  return contenders.sort((a, b) => b.priority - a.priority || a.running - b.running)[0];
}

/**
 * Goes through the feed and judges each claim. A transaction takes reports before it gives out work; in which order it
 * gave out several tasks the feed does not say, so there has to be one that is right.
 */
function judgeClaims(feed: readonly Change[], jobs: ReadonlyMap<string, Contender>): string[] {
  const verdicts: string[] = [];
  const inOrderOfAge = [...jobs.values()];
  const transactions = Map.groupBy(
    feed.filter(({ kind }) => kind === 'task'),
    ({ xid }) => xid,
  );
  for (const changes of transactions.values()) {
    for (const { jobId, count } of changes.filter(({ to }) => to === 'completed')) jobs.get(jobId)!.running -= count;
    const claims = changes.filter(({ to }) => to === 'active');
    const given = claims.flatMap(({ jobId, count }) => Array<Contender>(count).fill(jobs.get(jobId)!));
    while (given.length > 0) {
      const due = nextInTurn(inOrderOfAge, claims[0]!.at);
      const [taken] = given.splice(Math.max(0, due ? given.indexOf(due) : 0), 1) as [Contender];
      const isChoice = inOrderOfAge.filter(({ waiting }) => waiting > 0).length > 1;
      if (due && taken !== due) verdicts.push(`${taken.name} while ${due.name} was due`);
      else verdicts.push(isChoice ? `${taken.name} in its turn` : taken.name);
      taken.waiting -= 1;
      taken.running += 1;
    }
  }
  return verdicts;
}

it('a long job of low priority gives way to two equal short ones, and these share the farm', {
  timeout: 120_000,
}, async () => {
  await Promise.all(['anna', 'bela', 'cora'].map((name) => farm.startWorker(name, ['--task-types', 'misc'])));
  const long = await submit('long', 10, 1_000);
  // It has the whole farm, as long as nobody else wants it.
  await until(async () => (await readFeed()).filter(({ kind, to }) => kind === 'task' && to === 'active').length >= 3);
  const jobs = new Map([long, await submit('short 1', 50, 6), await submit('short 2', 50, 6)]);
  const isOver = ({ kind, to }: Change) => kind === 'job' && to === 'completed';
  await until(async () => (await readFeed()).filter(isOver).length === 2);

  const feed = await readFeed();
  expect(
    feed
      .filter(isOver)
      .map(({ jobId }) => jobs.get(jobId)!.name)
      .sort(),
  ).toEqual(['short 1', 'short 2']);
  const verdicts = judgeClaims(feed, jobs);
  expect(verdicts.filter((verdict) => verdict.includes(' while '))).toEqual([]);
  // Each of them had to be preferred to the long job, and to take turns with the other.
  expect(verdicts.filter((verdict) => verdict.startsWith('short'))).toHaveLength(12);
  expect(verdicts.filter((verdict) => verdict === 'short 1 in its turn')).toHaveLength(6);
  expect(verdicts.filter((verdict) => verdict === 'short 2 in its turn')).toHaveLength(6);
});

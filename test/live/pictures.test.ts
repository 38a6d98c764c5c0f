import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FarmWorker } from '../support/farm-worker.ts';
import {
  globalId,
  type LiveGateway,
  signOnFarmWorker,
  startGatewayBeside,
  startLiveGateway,
  watch,
} from '../support/live-gateway.ts';
import { makeJpeg } from '../support/picture.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { TRANSPORTS } from '../support/server.ts';

/** So rarely that nothing here happens because of it. */
const RARELY = { pollMs: 60_000, stateRefreshMs: 60_000 };

let one: LiveGateway;
let two: LiveGateway;
let worker: FarmWorker;
beforeAll(async () => {
  one = await startLiveGateway({ feed: RARELY });
  two = await startGatewayBeside(one, { feed: RARELY });
  worker = await signOnFarmWorker(one, 'worker');
});
afterAll(async () => {
  await two.close();
  await one.close();
});

interface JobView {
  readonly latestFrame: { readonly number: number; readonly imageUrl: string | null } | null;
}
const FRAME = 'latestFrame { number imageUrl }';
const JOB_UPDATED = `subscription ($id: ID!) { jobUpdated(id: $id) { ... on Job { ${FRAME} } } }`;
const JOBS_UPDATED = `subscription { jobsUpdated(first: 1) { changed { ${FRAME} } } }`;

/** A job whose only frame is saved and reported. */
async function renderFrame(): Promise<{ jobId: string; token: string }> {
  const tasks = [
    { name: 'one', type: 'misc', frames: '1', commands: [], dependsOn: [] },
    { name: 'rest', type: 'never', frames: '2', commands: [], dependsOn: [] },
  ];
  const jobId = await submitPlainJob(one.store, 0, { tasks, priority: 100 });
  const { attemptToken } = (await worker.claim())!;
  await worker.report(attemptToken, { completed: { outputs: [{ frame: 1, path: '/out/1.png', bytes: 9 }] } });
  return { jobId, token: attemptToken };
}

it.each(TRANSPORTS)('whoever watches a job over $name learns of a frame and of its picture', async (transport) => {
  for (const gateway of [one, two]) {
    const { jobId, token } = await renderFrame();
    const job = await watch<JobView>(transport, gateway, JOB_UPDATED, { id: globalId('Job', jobId) });
    const jobs = await watch<{ changed: JobView[] }>(transport, gateway, JOBS_UPDATED);
    expect(await job.next()).toEqual({ latestFrame: { number: 1, imageUrl: null } });
    expect((await jobs.next()).changed).toEqual([{ latestFrame: { number: 1, imageUrl: null } }]);

    await worker.putPicture(token, 1, await makeJpeg());
    const seen = { latestFrame: { number: 1, imageUrl: expect.stringMatching(/^\/frames\/.*\/1\.jpg\?v=/) } };
    expect(await job.next()).toEqual(seen);
    expect((await jobs.next()).changed).toEqual([seen]);
    await job.close();
    await jobs.close();
  }
});

it('two gateways on one database serve the same picture under the same tag', async () => {
  const { jobId, token } = await renderFrame();
  const jpeg = await makeJpeg(99);
  await worker.putPicture(token, 1, jpeg);
  const path = `/frames/${encodeURIComponent(globalId('Job', jobId))}/latest.jpg`;
  const [a, b] = await Promise.all([one, two].map(({ url }) => fetch(url + path)));
  expect(a!.headers.get('etag')).toBe(b!.headers.get('etag'));
  for (const response of [a!, b!]) expect(Buffer.from(await response.arrayBuffer())).toEqual(jpeg);
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Farm, type SubmittedJob } from '../support/farm.ts';
import type { FarmWorker } from '../support/farm-worker.ts';
import { makeJpeg, padJpeg } from '../support/picture.ts';
import { independent } from '../support/shape-job-type.ts';

const LIMIT = 5;
let farm: Farm;
let worker: FarmWorker;
beforeAll(async () => {
  farm = await Farm.start({ picturesPerJob: LIMIT });
});
beforeEach(async () => {
  worker = await farm.worker();
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

const submit = (frames: string, input = {}) =>
  farm.submit(independent(frames.split(' ').length), { settings: { frames }, failureLimitPercent: 100, ...input });
const claim = async () => (await worker.claim())!.attemptToken;

function get(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${farm.gateway.url}${path}`, init);
}
const pathOf = (job: SubmittedJob, name: string | number) => `/frames/${encodeURIComponent(job.id)}/${name}.jpg`;
async function bytesOf(job: SubmittedJob, name: string | number): Promise<Buffer | null> {
  const response = await get(pathOf(job, name));
  return response.ok ? Buffer.from(await response.arrayBuffer()) : null;
}

interface FrameView {
  readonly number: number;
  readonly imageUrl: string | null;
}
async function view(job: SubmittedJob) {
  const data = await farm.gateway.run<{ job: { latestFrame: FrameView | null; frames: { nodes: FrameView[] } } }>(
    'query ($id: ID!) { job(id: $id) { latestFrame { number imageUrl } frames(first: 100) { nodes { number imageUrl } } } }',
    { id: job.id },
  );
  return data.job;
}
const countPictures = async () => (await farm.query('SELECT count(*)::int AS count FROM picture')).rows[0]!.count;

describe('putFramePicture', () => {
  it('gives a frame its picture, which is served byte for byte', async () => {
    const job = await submit('1-3');
    const jpeg = await makeJpeg(200);
    expect((await view(job)).frames.nodes.map(({ imageUrl }) => imageUrl)).toEqual([null, null, null]);
    expect(await worker.putPicture(await claim(), 2, jpeg)).toEqual({ __typename: 'PutFramePictureSuccess', frame: 2 });

    const [one, two, three] = (await view(job)).frames.nodes;
    expect([one!.imageUrl, three!.imageUrl]).toEqual([null, null]);
    const response = await get(two!.imageUrl!);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/jpeg');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(Buffer.from(await response.arrayBuffer())).toEqual(jpeg);
    expect(await bytesOf(job, 2)).toEqual(jpeg);
  });

  it('changes nothing when it is repeated', async () => {
    await submit('1');
    const [token, jpeg] = [await claim(), await makeJpeg(1)];
    await worker.putPicture(token, 1, jpeg);
    const before = await farm.dump();
    expect(await worker.putPicture(token, 1, jpeg)).toEqual({ __typename: 'PutFramePictureSuccess', frame: 1 });
    expect(await farm.dump()).toEqual(before);
  });

  it('keeps the old picture of a requeued frame until the new attempt brings its own', async () => {
    const job = await submit('1');
    const [old, fresh] = [await makeJpeg(10), await makeJpeg(250)];
    const first = await claim();
    await worker.putPicture(first, 1, old);
    await worker.complete(first);
    const oldUrl = (await view(job)).frames.nodes[0]!.imageUrl!;
    await farm.ask('requeueFrames', { jobId: job.id, frames: '1' });
    expect(await bytesOf(job, 1)).toEqual(old);

    const second = await claim();
    expect((await worker.putPicture(first, 1, old)).__typename).toBe('StaleAttemptError');
    await worker.putPicture(second, 1, fresh);
    expect(await bytesOf(job, 1)).toEqual(fresh);
    expect((await view(job)).frames.nodes[0]!.imageUrl).not.toBe(oldUrl);
    expect(await countPictures()).toBe(1);
    // The old address shows what there is, and nobody is told to keep it.
    const response = await get(oldUrl);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(fresh);
    expect(response.headers.get('cache-control')).toBe('private, no-cache');
  });

  it('is taken after the attempt has completed: the picture of the last frame comes a little later', async () => {
    const job = await submit('1');
    const [token, jpeg] = [await claim(), await makeJpeg()];
    await worker.complete(token);
    expect((await worker.putPicture(token, 1, jpeg)).__typename).toBe('PutFramePictureSuccess');
    expect(await bytesOf(job, 1)).toEqual(jpeg);
  });

  it('is taken of a lost attempt that may come back', async () => {
    await submit('1', { maxAttempts: 3 });
    const token = await claim();
    farm.clock.advance(61);
    await farm.sweep();
    expect((await worker.putPicture(token, 1, await makeJpeg())).__typename).toBe('PutFramePictureSuccess');
  });

  it.each<[string, (token: string, job: SubmittedJob) => Promise<unknown>]>([
    ['it failed', (token) => worker.fail(token)],
    ['it was stopped', (token) => worker.stopped(token, true)],
    [
      'its task was requeued',
      async (token, { tasks }) => [await worker.complete(token), await farm.ask('requeueTask', { id: tasks[0] })],
    ],
    [
      'its job was deleted',
      async (token, { id }) => [await worker.complete(token), await farm.ask('deleteJob', { id })],
    ],
  ])('is refused of an attempt that is over: %s', async (_why, end) => {
    const job = await submit('1');
    const token = await claim();
    await end(token, job);
    expect((await worker.putPicture(token, 1, await makeJpeg())).__typename).toBe('StaleAttemptError');
    expect(await countPictures()).toBe(0);
  });

  it('is refused of another worker’s attempt, of no token, in an ended session, and without a worker’s token', async () => {
    await submit('1');
    const [token, jpeg] = [await claim(), await makeJpeg()];
    const other = await farm.worker('other');
    expect((await other.putPicture(token, 1, jpeg)).__typename).toBe('StaleAttemptError');
    expect((await worker.putPicture('x', 1, jpeg)).__typename).toBe('StaleAttemptError');
    const { sessionId } = worker;
    other.sessionId = sessionId;
    expect(await other.putPicture(token, 1, jpeg)).toMatchObject({
      __typename: 'ForbiddenError',
      requiredRole: 'WORKER',
    });
    const mutation = `mutation ($input: PutFramePictureInput!) { putFramePicture(input: $input) { __typename } }`;
    const input = { sessionId, attemptToken: token, frame: 1, jpeg: jpeg.toString('base64') };
    await expect(farm.gateway.run(mutation, { input })).rejects.toThrow('A worker sends its token');
    await worker.signOn();
    worker.sessionId = sessionId;
    expect(await worker.putPicture(token, 1, jpeg)).toMatchObject({ reason: 'SIGNED_ON_ELSEWHERE' });
    expect(await countPictures()).toBe(0);
  });

  it.each([-1, 4, 2_147_483_647])('is refused for the frame %i, which the task does not have', async (frame) => {
    await submit('1-5x2');
    expect(await worker.putPicture(await claim(), frame, await makeJpeg())).toMatchObject({
      issues: [
        { path: ['frame'], message: `The task does not have the frame ${frame}.`, given: frame, allowed: '1-5x2' },
      ],
    });
  });

  it('is refused for a task without frames', async () => {
    await farm.submit(independent(1));
    expect(await worker.putPicture(await claim(), 1, await makeJpeg())).toMatchObject({
      issues: [{ path: ['frame'], allowed: 'none: it has no frames' }],
    });
  });

  it('takes 64 KiB and no byte more', async () => {
    const job = await submit('1');
    const token = await claim();
    const jpeg = await padJpeg(65_536);
    expect((await worker.putPicture(token, 1, jpeg)).__typename).toBe('PutFramePictureSuccess');
    expect(await bytesOf(job, 1)).toEqual(jpeg);
    expect(await worker.putPicture(token, 1, await padJpeg(65_537))).toMatchObject({
      issues: [{ path: ['jpeg'], given: null, allowed: 'a JPEG of at most 64 KiB, in Base64' }],
    });
  });

  it.each([
    ['text', 'hello!'],
    ['nothing', ''],
    ['a PNG', Buffer.from('89504e470d0a1a0a0000', 'hex').toString('base64')],
    ['HTML that calls itself a JPEG', Buffer.from('ffd8ff<script>alert(1)</script>').toString('base64')],
    ['half a JPEG', Buffer.from('ffd8ffe000104a4649', 'hex').toString('base64')],
  ])('takes no %s for a picture', async (_what, jpeg) => {
    await submit('1');
    expect(await worker.putPicture(await claim(), 1, jpeg)).toMatchObject({ issues: [{ path: ['jpeg'] }] });
  });

  it(`keeps the newest ${LIMIT} pictures of a job, and those of other jobs`, async () => {
    const other = await submit('1');
    await worker.putPicture(await claim(), 1, await makeJpeg());
    await worker.complete([...worker.running][0]!);
    const job = await submit('1-8');
    const token = await claim();
    for (let frame = 1; frame <= 8; frame += 1) await worker.putPicture(token, frame, await makeJpeg(frame));
    const { frames } = await view(job);
    expect(frames.nodes.filter(({ imageUrl }) => imageUrl).map(({ number }) => number)).toEqual([4, 5, 6, 7, 8]);
    expect(await bytesOf(other, 1)).not.toBeNull();
  });

  it('goes with its job', async () => {
    const job = await submit('1');
    const token = await claim();
    await worker.putPicture(token, 1, await makeJpeg());
    await worker.complete(token);
    await farm.ask('deleteJob', { id: job.id });
    expect(await countPictures()).toBe(0);
    expect((await get(pathOf(job, 1))).status).toBe(404);
  });
});

describe('the picture of the latest frame', () => {
  it('is that of the frame that was saved last; latest.jpg is the picture that was made last', async () => {
    const job = await submit('1 2');
    const [one, two] = [await makeJpeg(1), await makeJpeg(2)];
    const output = (frame: number) => ({ completed: { outputs: [{ frame, path: `/out/${frame}.png`, bytes: 1 }] } });
    const first = await claim();
    await worker.putPicture(first, 1, one);
    await worker.report(first, output(1));
    expect((await view(job)).latestFrame).toMatchObject({ number: 1, imageUrl: expect.stringContaining('/1.jpg?v=') });
    const second = await claim();
    await worker.report(second, output(2));
    expect((await view(job)).latestFrame).toEqual({ number: 2, imageUrl: null });
    expect(await bytesOf(job, 'latest')).toEqual(one);
    await worker.putPicture(second, 2, two);
    expect((await view(job)).latestFrame).toMatchObject({ number: 2, imageUrl: expect.stringContaining('/2.jpg?v=') });
    expect(await bytesOf(job, 'latest')).toEqual(two);
  });
});

describe('/frames/JOB/FRAME.jpg', () => {
  let job: SubmittedJob;
  let jpeg: Buffer;
  beforeEach(async () => {
    job = await submit('-3,57');
    const token = await claim();
    jpeg = await makeJpeg(7);
    await worker.putPicture(token, 57, jpeg);
    await worker.putPicture(token, -3, await makeJpeg(3));
  });

  it('may be kept for good under its own version, and has to be asked for again without', async () => {
    const url = (await view(job)).frames.nodes[1]!.imageUrl!;
    expect((await get(url)).headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
    for (const path of [pathOf(job, 57), pathOf(job, 'latest'), `${pathOf(job, 57)}?v=x`])
      expect((await get(path)).headers.get('cache-control')).toBe('private, no-cache');
  });

  it.each([57, -3, 'latest'])('of %s costs no bytes while it is the same', async (name) => {
    const tag = (await get(pathOf(job, name))).headers.get('etag')!;
    for (const given of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const same = await get(pathOf(job, name), { headers: { 'if-none-match': given } });
      expect([same.status, same.headers.get('etag'), (await same.arrayBuffer()).byteLength]).toEqual([304, tag, 0]);
    }
    expect((await get(pathOf(job, name), { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });

  it('answers HEAD with what GET would say', async () => {
    const head = await get(pathOf(job, 57), { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(jpeg.length)]);
    expect((await head.arrayBuffer()).byteLength).toBe(0);
  });

  it.each([
    ['58', 'There is no picture of frame 58 of this job'],
    ['x', '"x" is no frame: write its number, as in 57.jpg, or latest.jpg.'],
    ['99999999', '"99999999" is no frame'],
    ['57.0', '"57.0" is no frame'],
  ])('says why there is nothing at %s.jpg', async (name, message) => {
    const response = await get(pathOf(job, name));
    expect(response.status).toBe(404);
    const { errors } = (await response.json()) as { errors: { message: string; extensions: { code: string } }[] };
    expect(errors[0]).toMatchObject({ message: expect.stringContaining(message), extensions: { code: 'NOT_FOUND' } });
  });

  it('says so of a job that is not there', async () => {
    for (const name of ['1', 'latest']) expect((await get(`/frames/x/${name}.jpg`)).status).toBe(404);
  });

  it('takes only GET, from its own Origin, with no unknown token', async () => {
    const statuses = await Promise.all([
      get(pathOf(job, 57), { method: 'PUT', body: 'x' }),
      get(pathOf(job, 57), { headers: { origin: 'http://evil.example' } }),
      get(pathOf(job, 57), { headers: { authorization: 'Bearer nobody' } }),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([405, 403, 401]);
  });
});

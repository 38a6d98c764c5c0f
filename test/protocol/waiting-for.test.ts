import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Farm, type SubmittedJob } from '../support/farm.ts';
import { independent } from '../support/shape-job-type.ts';

let farm: Farm;
beforeAll(async () => {
  farm = await Farm.start({ leaseSeconds: 100_000 });
});
afterEach(() => farm.endTest());
afterAll(() => farm.close());

/** Why the job waits, and why each of its tasks does. */
async function waits(job: SubmittedJob): Promise<string> {
  const { waitingFor, tasks } = await farm.job(job);
  return `${waitingFor.join(' ') || '–'}: ${tasks.nodes.map((task) => task.waitingFor ?? '–').join(' ')}`;
}

describe('waitingFor', () => {
  it('is NO_CAPABLE_WORKER while nobody is there who could do it', async () => {
    const job = await farm.submit(independent(1));
    expect(await waits(job)).toBe('NO_CAPABLE_WORKER: NO_CAPABLE_WORKER');
    const worker = await farm.worker('worker', { taskTypes: ['video'] });
    expect(await waits(job)).toBe('NO_CAPABLE_WORKER: NO_CAPABLE_WORKER');
    await farm.ask('updateWorker', { id: worker.id, taskTypes: ['misc'] });
    expect(await waits(job)).toBe('ALL_WORKERS_BUSY: ALL_WORKERS_BUSY');
    await farm.ask('updateJob', { id: job.id, workerTag: 'gpu' });
    expect(await waits(job)).toBe('NO_CAPABLE_WORKER: NO_CAPABLE_WORKER');
  });

  it('becomes NO_CAPABLE_WORKER by the passing of time alone', async () => {
    await farm.worker();
    const job = await farm.submit(independent(1));
    farm.clock.advance(99_999);
    expect(await waits(job)).toBe('ALL_WORKERS_BUSY: ALL_WORKERS_BUSY');
    farm.clock.advance(1);
    expect(await waits(job)).toBe('NO_CAPABLE_WORKER: NO_CAPABLE_WORKER');
  });

  it('is DEPENDENCY where something else comes first, whatever else holds; the job names its claimable tasks only', async () => {
    const job = await farm.submit([[], [0]], { maxWorkers: 0 });
    expect(await waits(job)).toBe('WORKER_LIMIT: WORKER_LIMIT DEPENDENCY');
  });

  it('is WORKER_LIMIT where the job has as many workers as it may have', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(2), { maxWorkers: 1 });
    expect(await waits(job)).toBe('ALL_WORKERS_BUSY: ALL_WORKERS_BUSY ALL_WORKERS_BUSY');
    await worker.claim();
    expect(await waits(job)).toBe('WORKER_LIMIT: – WORKER_LIMIT');
    await farm.ask('updateJob', { id: job.id, maxWorkers: 2 });
    expect(await waits(job)).toBe('ALL_WORKERS_BUSY: – ALL_WORKERS_BUSY');
  });

  it('is BACKING_OFF until the moment from which somebody may have it', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(2));
    await worker.fail((await worker.claim())!.attemptToken);
    expect(await waits(job)).toBe('BACKING_OFF ALL_WORKERS_BUSY: BACKING_OFF ALL_WORKERS_BUSY');
    farm.clock.advance(29);
    expect(await waits(job)).toBe('BACKING_OFF ALL_WORKERS_BUSY: BACKING_OFF ALL_WORKERS_BUSY');
    farm.clock.advance(1);
    expect(await waits(job)).toBe('ALL_WORKERS_BUSY: ALL_WORKERS_BUSY ALL_WORKERS_BUSY');
  });

  it('is not BACKING_OFF where another worker may have it at once', async () => {
    const worker = await farm.worker();
    await farm.worker('other');
    const job = await farm.submit(independent(1));
    await worker.fail((await worker.claim())!.attemptToken);
    expect(await waits(job)).toBe('ALL_WORKERS_BUSY: ALL_WORKERS_BUSY');
  });

  it('is nothing for a task that runs or is over, or for a job that is', async () => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(2));
    await worker.complete((await worker.claim())!.attemptToken);
    await worker.claim();
    expect(await waits(job)).toBe('–: – –');
    await farm.ask('cancelJob', { id: job.id });
    expect(await waits(job)).toBe('–: – –');
    worker.running.clear();
    await worker.heartbeat();
    expect(await waits(job)).toBe('–: – –');
  });

  it.each(['ASLEEP', 'OFFLINE', 'RESTART'])('counts a worker that was asked to be %s as nobody', async (status) => {
    const worker = await farm.worker();
    const job = await farm.submit(independent(1));
    await farm.ask('requestWorkerStatus', { id: worker.id, status });
    expect(await waits(job)).toBe('NO_CAPABLE_WORKER: NO_CAPABLE_WORKER');
    await farm.ask('requestWorkerStatus', { id: worker.id, status: 'AWAKE' });
    expect(await waits(job)).toBe('ALL_WORKERS_BUSY: ALL_WORKERS_BUSY');
    await worker.sync({ status: 'ASLEEP' });
    expect(await waits(job)).toBe('NO_CAPABLE_WORKER: NO_CAPABLE_WORKER');
  });

  it('of a job with several task types has the reasons of each', async () => {
    await farm.worker('worker', { taskTypes: ['misc'] });
    const job = await farm.submit(independent(2), { settings: { types: 'misc,video' } });
    expect(await waits(job)).toBe('NO_CAPABLE_WORKER ALL_WORKERS_BUSY: ALL_WORKERS_BUSY NO_CAPABLE_WORKER');
  });
});

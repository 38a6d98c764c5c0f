import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage, State } from './stage.ts';

const LOADED = `
farm = importlib.import_module(addon_name + '.live.farm')
view = importlib.import_module(addon_name + '.live.view').view
current = farm.get()
result = current is not None and current.jobs.is_loaded
`;
const SUBMIT = `mutation ($input: SubmitJobInput!) { submitJob(input: $input) {
  ... on SubmitJobSuccess { job { id } } ... on InvalidInputError { issues { message } } ... on Error { message } } }`;
const STATUS = 'query ($id: ID!) { job(id: $id) { status frameCounts { done } } }';
/** A failed job is not tried for minutes. */
const FARM_OPTIONS = ['--retry-delay-seconds', '0'];

interface JobState {
  readonly status: string;
  readonly frameCounts: { readonly done: number };
}

/** Submits what anna renders, as the add-on does. */
export async function submitJob(stage: Stage, name: string, input: Record<string, unknown> = {}): Promise<string> {
  const { settings, ...rest } = input;
  const outputPath = join(stage.folder, 'shots', 'render', name.replaceAll(/\W+/g, '_'), 'f_####');
  const { submitJob } = await stage.farm.ask<{ submitJob: { job?: { id: string } } }>(SUBMIT, {
    input: {
      type: 'simple-blender-render',
      name,
      submitter: 'anna',
      settings: { blendFile: stage.file, frames: '1-24', outputPath, ...(settings as object | undefined) },
      ...rest,
    },
  });
  if (submitJob.job === undefined) throw new Error(JSON.stringify(submitJob));
  return submitJob.job.id;
}

export async function waitForJob(stage: Stage, id: string, isReached: (job: JobState) => boolean): Promise<void> {
  for (;;) {
    const { job } = await stage.farm.ask<{ job: JobState }>(STATUS, { id });
    if (isReached(job)) return;
    await sleep(100);
  }
}

const select = (stage: Stage, id: string) =>
  stage.window.until(`view.job_id = '${id}'\nresult = farm.selected_job() is not None`);

/** The ids of jobs that states later on need. */
const jobs = { running: '', waiting: '' };

/** The panel of the jobs: following and steering them. */
export const LIVE_STATES: readonly State[] = [
  {
    name: 'jobs-none',
    async reach(stage) {
      await stage.stopFarm();
      await stage.startFarm(...FARM_OPTIONS);
      await stage.showOutputProperties('live');
      await stage.window.until(LOADED);
      await stage.shootPanel(this.name);
    },
  },
  {
    name: 'jobs-completed',
    async reach(stage) {
      const done = await submitJob(stage, 'tablao_010 layout', { settings: { chunkSize: 6 } });
      await waitForJob(stage, done, ({ status }) => status === 'COMPLETED');
      await select(stage, done);
      await stage.window.until(`
pictures = importlib.import_module(addon_name + '.live.pictures')
job = farm.selected_job()
result = job.status == 'COMPLETED' and pictures.find_icon(job) is not None`);
      await stage.shootPanel(this.name);
    },
  },
  {
    name: 'jobs-failed',
    async reach(stage) {
      await stage.window.run('bpy.ops.tablao.dismiss_notice(number=-1)');
      const blendFile = join(stage.folder, 'shots', 'tablao_050_fx.blend');
      const failing = await submitJob(stage, 'tablao_050 fx', { settings: { blendFile, frames: '1-4' } });
      await waitForJob(stage, failing, ({ status }) => status === 'FAILED');
      await select(stage, failing);
      await stage.window.until(`result = farm.selected_job().status == 'FAILED'`);
      await stage.shootPanel(this.name);
      await stage.window.run('bpy.ops.tablao.dismiss_notice(number=-1)');
    },
  },
  {
    name: 'jobs-rendering',
    async reach(stage) {
      jobs.running = await submitJob(stage, 'tablao_020 lighting', { settings: { samples: 64 } });
      await submitJob(stage, 'tablao_030 crowd', { priority: 40 });
      jobs.waiting = await submitJob(stage, 'tablao_040 hair', { workerTag: 'gpu' });
      await submitJob(stage, 'tablao_060 comp', { maxWorkers: 0 });
      await waitForJob(stage, jobs.running, ({ frameCounts }) => frameCounts.done >= 5);
      await select(stage, jobs.running);
      await stage.window.until('result = pictures.find_icon(farm.selected_job()) is not None');
      await stage.shootPanel(this.name);
    },
  },
  {
    name: 'jobs-tasks',
    async reach(stage) {
      await stage.window.run('view.shows_tasks = True');
      await stage.window.until('result = current.tasks is not None and current.tasks.is_loaded');
      await stage.window.until(`
task = next((row for row in current.tasks.rows if row.status == 'ACTIVE'), None)
view.task_id = task.id if task else ''
result = task is not None and current.log is not None and len(current.log.lines) > 2`);
      await stage.shootPanel(this.name);
      await stage.window.run('view.shows_tasks = False');
    },
  },
  {
    name: 'jobs-waiting',
    async reach(stage) {
      await select(stage, jobs.waiting);
      await stage.shootPanel(this.name);
    },
  },
  {
    name: 'jobs-reconnecting',
    async reach(stage) {
      await select(stage, jobs.running);
      await stage.stopFarm();
      await stage.window.until('result = current.away_since is not None');
      await stage.shootPanel(this.name);
      await stage.startFarm(...FARM_OPTIONS);
      await stage.window.until('result = current.away_since is None');
    },
  },
];

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeScenes, makeTestFolder } from '../support/blender.ts';
import { BlenderSession } from '../support/blender-session.ts';
import { INSTALL_MS, provideBlender, TEST_BLENDERS, type TestBlender } from '../support/blenders.ts';
import { findProcessesIn } from '../support/processes.ts';
import { type RestartableGateway, startRestartableGateway } from '../support/restartable-gateway.ts';
import { type Program, startWorkerProcess } from '../support/worker-process.ts';

/* The live half of the add-on inside Blender, against a real gateway and a worker that renders with the same Blender. */

const WAIT_MS = 150_000;

describe.each(TEST_BLENDERS)('in Blender %s', (name) => {
  let folder: { path: string; remove(): Promise<void> };
  let gateway: RestartableGateway;
  let worker: Program;
  let blender: TestBlender;
  let session: BlenderSession;
  let scene: string;

  beforeAll(async () => {
    blender = await provideBlender(name);
    folder = await makeTestFolder('live');
    scene = (await makeScenes(folder.path, { scene: {} }, blender)).scene;
    gateway = await startRestartableGateway();
    worker = startWorkerProcess(gateway.url, folder.path, 'worker', ['--blender', blender.program]);
    session = await BlenderSession.open(blender, join(folder.path, 'blender'), { gateway: gateway.url, file: scene });
  }, INSTALL_MS);
  afterAll(async () => {
    await session?.kill();
    await worker?.kill();
    await gateway?.close();
    expect(await findProcessesIn(folder.path)).toEqual([]);
    await folder?.remove();
  });

  async function submit(job: string, settings: Record<string, unknown> = {}): Promise<string> {
    const output = join(folder.path, 'out', job, 'f_####');
    const { submitJob } = await gateway.run<{ submitJob: { job: { id: string } } }>(
      `mutation ($input: SubmitJobInput!) { submitJob(input: $input) { ... on SubmitJobSuccess { job { id } } } }`,
      {
        input: {
          type: 'simple-blender-render',
          name: job,
          submitter: 'ada',
          settings: { blendFile: scene, frames: '1-3', outputPath: output, ...settings },
        },
      },
    );
    return submitJob.job.id;
  }

  it('shows a job from its first moment to its end, and tells of the end once', { timeout: WAIT_MS }, async () => {
    await session.until('farm() is not None and farm().jobs.is_loaded');
    await submit('first');
    await session.run(`
seen = []
def follow():
    job = jobs().get('first')
    state = job and (job.status, job.frames_done)
    if state and state not in seen:
        seen.append(state)
    return job is not None and job.has_ended
until(follow)
result = seen
`);
    expect(await session.run('result = seen[-1]')).toEqual(['COMPLETED', 3]);
    expect(await session.run('result = sorted(done for _, done in seen) == [done for _, done in seen]')).toBe(true);
    await session.until('farm().notices');
    expect(await session.run('result = [(end.name, end.status) for end in farm().notices]')).toEqual([
      ['first', 'COMPLETED'],
    ]);
  });

  it('draws it', async () => {
    const texts = await session.run<string[]>('tick()\nresult = draw()');
    expect(texts).toEqual(
      expect.arrayContaining(['first', 'Completed', 'Show Frames', 'Cancel', 'Requeue', 'Tasks (4)']),
    );
    expect(texts.join('\n')).toMatch(/“first” is completed: 3 frames in \d+ s/);
    expect(texts.join('\n')).toMatch(/3 of 3 frames, in \d+ s/);
  });

  it('brings the frames into the Image Editor and the sequencer', { timeout: WAIT_MS }, async () => {
    await session.run(`select('first')`);
    expect(await session.run('result = list(bpy.ops.tablao.load_frames())')).toEqual(['FINISHED']);
    expect(
      await session.run(`result = [(i.name, i.source) for i in bpy.data.images if i.name.startswith('f_')]`),
    ).toEqual([['f_0001.png', 'SEQUENCE']]);
    await session.run(`bpy.ops.tablao.load_frames(target='STRIP')`);
    const strip = await session.run(`
editor = bpy.context.scene.sequence_editor
strip = list(editor.strips if hasattr(editor, 'strips') else editor.sequences)[0]
result = [strip.name, strip.type, strip.frame_start, strip.frame_final_duration, [e.filename for e in strip.elements]]
`);
    expect(strip).toEqual(['first', 'IMAGE', 1, 3, ['f_0001.png', 'f_0002.png', 'f_0003.png']]);
  });

  it('cancels and requeues from operators', { timeout: WAIT_MS }, async () => {
    await submit('long', { frames: '1-2000', chunkSize: 5 });
    await session.until(`status('long') == 'ACTIVE'`);
    await session.run(`select('long')`);
    expect(await session.run('result = bpy.ops.tablao.delete_job.poll()')).toBe(false);
    expect(await session.run('result = list(bpy.ops.tablao.cancel_job())')).toEqual(['FINISHED']);
    await session.until(`status('long') == 'CANCELED'`);
    expect(await session.run('result = list(bpy.ops.tablao.requeue_job())')).toEqual(['FINISHED']);
    await session.until(`status('long') in ('QUEUED', 'ACTIVE')`);
    await session.until(`status('long') == 'ACTIVE' and jobs()['long'].frames_done > 5`);
  });

  it('shows the tasks and what one of them prints', { timeout: WAIT_MS }, async () => {
    await session.run(`view().shows_tasks, view().task_statuses = True, 'ACTIVE'`);
    await session.until(`farm().tasks is not None and any(row.status == 'ACTIVE' for row in farm().tasks.rows)`);
    await session.run(`view().task_statuses = 'COMPLETED'`);
    await session.until(`any(row.status == 'COMPLETED' for row in farm().tasks.rows)`);
    await session.run(`view().task_id = next(row.id for row in farm().tasks.rows)`);
    await session.until(`farm().log is not None and any('Saved' in line for line in farm().log.lines)`);
    expect(await session.run(`result = farm().tasks.rows[0].worker`)).toBe('worker');
    const texts = await session.run<string[]>('tick()\nresult = draw()');
    expect(texts.filter((text) => text === 'worker').length).toBeGreaterThan(0);
    expect(texts.join('\n')).toMatch(/Saved/);
  });

  it('goes on by itself when the gateway was away', { timeout: WAIT_MS }, async () => {
    await gateway.stop();
    await session.until('farm().away_since is not None');
    expect(await session.run('result = farm().is_refused')).toBe(false);
    expect((await session.run<string[]>('result = draw()')).join('\n')).toMatch(/Reconnecting since \d\d:\d\d:\d\d\./);
    const before = await session.run<number>(`result = jobs()['long'].frames_done`);
    await gateway.start();
    await session.until('farm().away_since is None');
    await session.until(`jobs()['long'].frames_done > ${before}`);
    await session.run(`bpy.ops.tablao.cancel_job()`);
    await session.until(`status('long') == 'CANCELED'`);
    await session.until('len(farm().notices) == 3');
    expect(await session.run('result = [(end.name, end.status) for end in farm().notices]')).toEqual([
      ['long', 'CANCELED'],
      ['long', 'CANCELED'],
      ['first', 'COMPLETED'],
    ]);
  });

  it('changes, requeues frames, deletes; and a refusal is told', { timeout: WAIT_MS }, async () => {
    await session.run(`bpy.ops.tablao.change_job(priority=70, use_max_workers=True, max_workers=0)`);
    await session.until(`(jobs()['long'].priority, jobs()['long'].max_workers) == (70, 0)`);
    await session.run(`bpy.ops.tablao.requeue_frames(frames='7')`);
    await session.until(`status('long') == 'QUEUED' and jobs()['long'].task_counts['QUEUED'] == 1`);
    const refusal = session.run(`bpy.ops.tablao.requeue_frames(frames='9-1')`);
    await expect(refusal).rejects.toThrow(/9-1/);
    expect((await session.run<string[]>('result = draw()')).join('\n')).toMatch(/9-1/);
    await session.run('bpy.ops.tablao.delete_job()');
    await session.until(`'long' not in jobs()`);
  });

  it('has icons that this Blender knows', async () => {
    const unknown = await session.run(`
known = bpy.types.UILayout.bl_rna.functions['label'].parameters['icon'].enum_items.keys()
panel = module('live.panel')
result = [icon for icon in [*panel.STATUS_ICONS.values(), *panel.END_ICONS.values()] if icon not in known]
`);
    expect(unknown).toEqual([]);
  });

  it('quits at once, and has printed no error', async () => {
    const end = await session.quit();
    expect(end.exitCode).toBe(0);
    expect(end.printed).not.toMatch(/traceback|exception|warn/i);
    expect(end.printed.replace(/Error: .*9-1.*/, '')).not.toMatch(/error/i);
    expect(end.quitMs).toBeLessThan(10_000);
  });
});

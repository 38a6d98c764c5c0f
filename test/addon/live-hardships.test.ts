import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeScenes, makeTestFolder } from '../support/blender.ts';
import { BlenderSession } from '../support/blender-session.ts';
import { INSTALL_MS, provideBlender, TEST_BLENDERS, type TestBlender } from '../support/blenders.ts';
import { executeBusyFarm } from '../support/busy-farm.ts';
import { hasExtensions } from '../support/install-addon.ts';
import { submitPlainJob } from '../support/plain-job.ts';
import { findProcessesIn } from '../support/processes.ts';
import { type RestartableGateway, startRestartableGateway } from '../support/restartable-gateway.ts';

/* What the live half of the add-on has to survive. In the oldest and the newest of the usual Blenders only, to keep it short. */

const WAIT_MS = 150_000;
const BLENDERS = [TEST_BLENDERS[0]!, ...TEST_BLENDERS.slice(1).slice(-1)];

describe.each(BLENDERS)('in Blender %s', (name) => {
  let folder: { path: string; remove(): Promise<void> };
  let gateway: RestartableGateway;
  let blender: TestBlender;
  let scene: string;
  let sessions: BlenderSession[] = [];
  let users = 0;

  beforeAll(async () => {
    blender = await provideBlender(name);
    folder = await makeTestFolder('hardships');
    scene = (await makeScenes(folder.path, { scene: {} }, blender)).scene;
    gateway = await startRestartableGateway();
  }, INSTALL_MS);
  beforeEach(() => {
    users += 1;
  });
  afterEach(async () => {
    const ends = await Promise.all(sessions.map((session) => session.quit()));
    sessions = [];
    await gateway.database.pool.query('DELETE FROM job');
    for (const { exitCode, printed, quitMs } of ends) {
      expect(printed).not.toMatch(/traceback|exception|tablao.*(error|warn)/i);
      expect(exitCode).toBe(0);
      expect(quitMs).toBeLessThan(10_000);
    }
  }, 60_000);
  afterAll(async () => {
    await gateway?.close();
    expect(await findProcessesIn(folder.path)).toEqual([]);
    await folder?.remove();
  });

  /** Blenders of one test are of one user. */
  async function open(url = gateway.url): Promise<BlenderSession> {
    const settings = join(folder.path, `user ${users}`);
    const session = await BlenderSession.open(blender, settings, { gateway: url, file: scene });
    sessions.push(session);
    return session;
  }

  async function openLive(): Promise<BlenderSession> {
    const session = await open();
    await session.until('farm() is not None and farm().jobs.is_loaded and farm().ends._bookmark is not None');
    return session;
  }

  const submit = (job: string, tasks = 1) => submitPlainJob(gateway.store, tasks, { name: job, submitter: 'ada' });

  async function cancel(jobId: string): Promise<void> {
    const id = Buffer.from(`Job:${jobId}`).toString('base64');
    await gateway.run('mutation ($id: ID!) { cancelJob(input: { id: $id }) { __typename } }', { id });
  }

  const told = (session: BlenderSession) => session.run<string[]>(`result = [end.name for end in farm().notices]`);

  it('follows 20 jobs with 2,000 tasks that change, and tells of each end once', { timeout: WAIT_MS }, async () => {
    const session = await openLive();
    await session.run(`
told = []
farm()._on_ends = lambda ends: told.extend(ends)
view().shows_tasks = True
`);
    const executed = executeBusyFarm(gateway.store, { jobs: 20, tasksEach: 100, workers: 20, submitter: 'ada' });
    await session.until('len(jobs()) == 20 and len(told) == 20');
    await executed;
    await session.until(`all(row.status == 'COMPLETED' and row.progress == 1 for row in farm().jobs.rows)`);
    expect(await session.run('result = len({end.job_id for end in told})')).toBe(20);
    expect(await session.run('result = {end.status for end in told} == {"COMPLETED"}')).toBe(true);
    await session.until(`len(farm().tasks.rows) == 100 and all(r.status == 'COMPLETED' for r in farm().tasks.rows)`);
    await session.until('not farm().mine.rows');
    expect(await session.run('result = len(bpy.context.window_manager.tablao.jobs)')).toBe(20);
  });

  it('takes the newest state when the main thread was busy', { timeout: WAIT_MS }, async () => {
    const session = await openLive();
    const busy = session.run(`time.sleep(4)`);
    await executeBusyFarm(gateway.store, { jobs: 2, tasksEach: 100, workers: 2, submitter: 'ada', pauseMs: 10 });
    await busy;
    const ticks = await session.run<number>(`
count = 0
until(lambda: globals().update(count=count + 1) or len(jobs()) == 2 and all(r.status == 'COMPLETED' for r in farm().jobs.rows))
result = count
`);
    expect(ticks).toBeLessThan(20);
  });

  it('survives other files', { timeout: WAIT_MS }, async () => {
    const session = await openLive();
    const first = await submit('first');
    await session.until(`'first' in jobs()`);
    for (const order of [
      'bpy.ops.wm.save_as_mainfile(filepath=bpy.data.filepath)',
      'bpy.ops.wm.read_homefile()',
      `bpy.ops.wm.open_mainfile(filepath=${JSON.stringify(scene)})`,
      'bpy.ops.wm.revert_mainfile()',
    ]) {
      await session.run(order);
      expect(await session.run(`result = bpy.app.timers.is_registered(module('timer').tick)`)).toBe(true);
      expect(await session.run('before = bpy.data.is_dirty\ntick()\nresult = bpy.data.is_dirty == before')).toBe(true);
      expect(await session.run('result = len(bpy.context.window_manager.tablao.jobs)')).toBe(1);
    }
    await cancel(first);
    await session.until(`status('first') == 'CANCELED' and farm().notices`);
    expect(await told(session)).toEqual(['first']);
  });

  it('leaves nothing behind when it is disabled, and comes back', { timeout: WAIT_MS }, async () => {
    const session = await openLive();
    await submit('first');
    const trace = `
import threading
def trace():
    return [
        sorted(thread.name for thread in threading.enumerate()),
        sorted(name for name in dir(bpy.types) if 'tablao' in name.lower()),
        hasattr(bpy.types.WindowManager, 'tablao'),
        [draw for draw in getattr(bpy.types.STATUSBAR_HT_header.draw, '_draw_funcs', []) if 'tablao' in draw.__module__],
        [handler for handler in bpy.app.handlers.load_pre if 'tablao' in handler.__module__],
        [name for name in sys.modules if name.startswith('tablao.')],
    ]
`;
    for (let round = 0; round < 2; round += 1) {
      await session.until(`'first' in jobs()`);
      await session.run(`view().shows_tasks = True`);
      await session.until('farm().tasks is not None and farm().tasks.rows');
      const left = await session.run(`${trace}\ndisable()\nresult = trace()`);
      expect(left).toEqual([['MainThread'], [], false, [], [], []]);
      await session.run('enable()');
    }
    await session.until(`'first' in jobs()`);
  });

  it('survives that scripts are reloaded', { timeout: WAIT_MS }, async () => {
    const session = await openLive();
    await submit('first');
    await session.until(`'first' in jobs()`);
    await session.run('bpy.ops.script.reload()');
    await session.until(`'first' in jobs()`);
    expect(await session.run(`result = sum('tablao' in h.__module__ for h in bpy.app.handlers.load_pre)`)).toBe(2);
  });

  it('connects anew after the machine slept', { timeout: WAIT_MS }, async () => {
    const session = await openLive();
    await session.run(`
before = [stream._subscription._connection for stream in farm()._streams()]
farm()._clock_watch._wall_clock = lambda: time.time() + 8 * 3600
def is_anew():
    now = [stream._subscription._connection for stream in farm()._streams()]
    return all(now) and not set(now) & set(before) and farm().away_since is None
`);
    await session.until('is_anew()');
  });

  it('tells an end in each open Blender, and what ended while none was open in the next', {
    timeout: WAIT_MS,
  }, async () => {
    const [one, other] = [await openLive(), await openLive()];
    await cancel(await submit('while both were open'));
    await one.until('farm().notices');
    await other.until('farm().notices');
    expect([await told(one), await told(other)]).toEqual([['while both were open'], ['while both were open']]);
    await Promise.all([one.quit(), other.quit()]);
    sessions = [];
    await cancel(await submit('while none was open'));
    const next = await openLive();
    await next.until('farm().notices');
    expect(await told(next)).toEqual(['while none was open']);
    const last = await openLive();
    await last.until('farm().ends._has_caught_up');
    expect(await told(last)).toEqual([]);
  });

  it('tells what ended while the gateway was away', { timeout: WAIT_MS }, async () => {
    const session = await openLive();
    const job = await submit('meanwhile');
    await session.until(`'meanwhile' in jobs()`);
    await gateway.stop();
    await session.until('farm().away_since is not None');
    await gateway.start();
    await cancel(job);
    await session.until('farm().notices and farm().away_since is None');
    expect(await told(session)).toEqual(['meanwhile']);
  });

  it('connects when a gateway comes up later', { timeout: WAIT_MS }, async () => {
    await gateway.stop();
    const session = await open();
    await session.until(`module('session').get().link.value == 'failed'`);
    await gateway.start();
    await session.until('farm() is not None and farm().jobs.is_loaded');
  });

  it('connects to nothing while Blender is offline', { timeout: WAIT_MS }, async () => {
    const session = await openLive();
    const offline = hasExtensions(blender)
      ? 'bpy.context.preferences.system.use_online_access = False'
      : 'module("session").is_online = lambda: False';
    await session.run(`${offline}\ntick()`);
    expect(await session.run('result = farm() is None')).toBe(true);
    await session.run(`
import threading
until(lambda: not any(thread.name == 'tablao stream' for thread in threading.enumerate()))
`);
    const online = hasExtensions(blender)
      ? 'bpy.context.preferences.system.use_online_access = True'
      : 'module("session").is_online = lambda: True';
    await session.run(online);
    await session.until('farm() is not None and farm().jobs.is_loaded');
  });

  it('quits at once while a server takes everything and says nothing', { timeout: WAIT_MS }, async () => {
    const sockets: Socket[] = [];
    const server: Server = createServer((socket) => void sockets.push(socket.on('error', () => {}).resume()));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const session = await open(`http://127.0.0.1:${(server.address() as { port: number }).port}`);
    await session.until(`module('session').get().link.value == 'connecting'`);
    while (sockets.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const { quitMs, exitCode } = await session.quit();
    sessions = [];
    for (const socket of sockets) socket.destroy();
    server.close();
    expect(exitCode).toBe(0);
    expect(quitMs).toBeLessThan(5_000);
  });
});

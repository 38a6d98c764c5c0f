import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireBlender } from './blender.ts';
import type { RenderFarm } from './render-farm.ts';
import type { Program } from './worker-process.ts';

/*
 * Machines that differ. Each worker starts Blender through a launcher of its own, as farms do to set paths and plug-ins;
 * it tells the scene's scripts on which machine they run.
 */

/** What the scripts find: the machine's name, and files beside the scene, through which the test talks with them. */
const PRELUDE = `
import bpy, os, time
MACHINE = os.environ['MACHINE']
FOLDER = os.path.dirname(bpy.data.filepath)
def note(name, text):
    with open(os.path.join(FOLDER, name), 'a') as file:
        file.write(text)
def has(name):
    return os.path.exists(os.path.join(FOLDER, name))
def read(name):
    with open(os.path.join(FOLDER, name)) as file:
        return file.read()
def lines(name):
    return read(name).splitlines() if has(name) else []
`;

/**
 * The script of a scene that runs some Python before each frame.
 *
 * @param body finds `frame`, and all of the prelude; an exception fails the frame
 */
export function beforeEachFrame(body: string): string {
  const lines = body.split('\n').map((line) => `    ${line}`);
  return `${PRELUDE}
def before_frame(scene, *_):
    frame = scene.frame_current
    scene.render.use_stamp_note = True
    scene.render.stamp_note_text = 'rendered by ' + MACHINE
${lines.join('\n')}
bpy.app.handlers.render_pre.append(before_frame)
`;
}

/** A worker process on a machine of this name. */
export async function startMachine(farm: RenderFarm, name: string): Promise<Program> {
  const { program } = await requireBlender();
  const launcher = join(farm.folder, `blender-of-${name}`);
  await writeFile(launcher, `#!/bin/sh\nMACHINE='${name}' exec '${program}' "$@"\n`);
  await chmod(launcher, 0o755);
  return await farm.startWorker(name, ['--allow-autoexec', '--blender', launcher]);
}

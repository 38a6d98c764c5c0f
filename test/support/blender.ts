import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findBlender } from '../../src/worker/find-blender.ts';

const run = promisify(execFile);

/** That of the test machine, unless told. Where it is missing the tests fail: a test that is skipped proves nothing. */
export async function requireBlender(
  wanted = process.env.TABLAO_BLENDER,
): Promise<{ program: string; version: string }> {
  const found = await findBlender(wanted);
  if (found.program === undefined) throw new Error(`These tests need Blender: ${found.missing}.`);
  return found;
}

export interface SceneRecipe {
  /** Python that goes on from the plain scene; it finds `bpy`, `scene` and `cube`. */
  readonly python?: string;
  /** Source of a text block that Blender registers when the file is opened with scripts allowed. */
  readonly script?: string;
}

/** A cube that moves from left to right over frames 1 to 24, 64 × 36 pixels, one sample in Cycles: some milliseconds a frame. */
const PLAIN_SCENE = `
import bpy
bpy.ops.wm.read_homefile(use_factory_startup=True)
scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 24
scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 64, 36, 100
scene.render.engine = 'CYCLES'
scene.cycles.samples = 1
scene.cycles.use_denoising = False
cube = bpy.data.objects['Cube']
for frame, x in ((1, -2), (24, 2)):
    cube.location.x = x
    cube.keyframe_insert('location', frame=frame)
`;

/**
 * Makes .blend files with one start of Blender.
 * @param recipes by the file's name without its extension
 * @param blender the one that shall render them: no older Blender reads a newer one's files
 * @returns the paths, by the same names
 */
export async function makeScenes<Name extends string>(
  folder: string,
  recipes: Readonly<Record<Name, SceneRecipe>>,
  blender?: { readonly program: string },
): Promise<Record<Name, string>> {
  const { program } = blender ?? (await requireBlender());
  const paths: Partial<Record<Name, string>> = {};
  let source = '';
  for (const name of Object.keys(recipes) as Name[]) {
    const { python = '', script } = recipes[name];
    const path = join(folder, `${name}.blend`);
    paths[name] = path;
    source += `${PLAIN_SCENE}\n${python}\n`;
    if (script !== undefined) {
      source += `text = bpy.data.texts.new('script.py')\ntext.use_module = True\ntext.write(${JSON.stringify(script)})\n`;
    }
    source += `bpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(path)})\n`;
  }
  const recipe = join(folder, 'make-scenes.py');
  await writeFile(recipe, source);
  await run(program, ['--background', '--factory-startup', '--python-exit-code', '1', '--python', recipe], {
    timeout: 60_000,
  });
  return paths as Record<Name, string>;
}

/** A folder that is gone after the test file. */
export async function makeTestFolder(name: string): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `tablao-${name}-`));
  // As root the database runs as another user, who must get through.
  await chmod(path, 0o711);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { runBlender, runInBlender, type TestBlender } from '../../test/support/blenders.ts';
import { hasExtensions, installAddon } from '../../test/support/install-addon.ts';
import { BlenderWindow } from './blender-window.ts';
import { Display, type Rectangle } from './display.ts';
import { type Farm, startFarm } from './farm.ts';

const run = promisify(execFile);
const DEMO_SCENE = resolve(import.meta.dirname, '../../src/cli/demo/scene.py');
/** Areas have round corners. */
const CORNER = 8;
/** What is left of the background below a panel. */
export const MARGIN = 10;

/** A state of what the add-on draws, to be looked at. States are reached one after the other. */
export interface State {
  readonly name: string;
  reach(stage: Stage): Promise<void>;
}

export interface StageOptions {
  readonly blender: TestBlender;
  /** For everything but the pictures. */
  readonly folder: string;
  readonly pictures: string;
  /** Of the window, in pixels. */
  readonly width?: number;
  readonly height?: number;
  readonly uiScale?: number;
}

/** A Blender with the add-on and a scene in a window, and a farm that comes and goes as a state wants it. */
export class Stage {
  readonly folder: string;
  readonly blender: TestBlender;
  readonly pictures: string;
  readonly display: Display;
  readonly window: BlenderWindow;
  /** The saved scene. */
  readonly file: string;
  farm: Farm;
  readonly #port: number;

  static async open(options: StageOptions): Promise<Stage> {
    const { blender, folder, pictures, width = 640, height = 1000, uiScale = 1.2 } = options;
    mkdirSync(pictures, { recursive: true });
    await using opened = new AsyncDisposableStack();
    const farm = await startFarm({ folder, blender: blender.program });
    opened.defer(() => farm.stop());
    const { module, environment } = await installAddon(blender, farm.url, folder);
    await savePreferences(blender, module, farm.url, uiScale, environment);
    const file = await makeScene(blender, folder);
    const display = await Display.open(width, height);
    opened.defer(() => display.close());
    const window = BlenderWindow.open(blender, display, { environment, file });
    opened.defer(() => window.close());
    await window.run(`import importlib\naddon_name = ${JSON.stringify(module)}`);
    await window.run(`addon = importlib.import_module(addon_name)`);
    const stage = new Stage({ blender, folder, pictures, display, window, file, farm });
    opened.move();
    return stage;
  }

  private constructor(parts: Pick<Stage, 'blender' | 'folder' | 'pictures' | 'display' | 'window' | 'file' | 'farm'>) {
    this.blender = parts.blender;
    this.folder = parts.folder;
    this.pictures = parts.pictures;
    this.display = parts.display;
    this.window = parts.window;
    this.file = parts.file;
    this.farm = parts.farm;
    this.#port = Number(new URL(parts.farm.url).port);
  }

  /**
   * Gives the whole window to the Output properties, and their tab to a part of the add-on.
   * @param part the module whose panels are shown, as `panels`
   */
  async showOutputProperties(part: string): Promise<void> {
    const { display, window } = this;
    await window.run(`largest_area_shows('PROPERTIES')`);
    const { x, y, width, height } = await this.region('PROPERTIES');
    await display.move(x + width / 2, y + height / 2);
    await display.key('ctrl+space');
    await window.run(`find_area('PROPERTIES').spaces.active.context = 'OUTPUT'`);
    await window.run(`hide_other_panels('output', f'{addon_name}.${part}')`);
    await this.putMouseAway();
  }

  /** Where it highlights nothing and no tooltip comes. */
  putMouseAway(): Promise<void> {
    return this.display.move(this.display.width - 2, this.display.height - 2);
  }

  /** Popups open there. */
  putMouseInMiddle(): Promise<void> {
    return this.display.move(this.display.width / 2, this.display.height / 3);
  }

  region(editor: string, kind = 'WINDOW'): Promise<Rectangle> {
    return this.window.run<Rectangle>(`result = rectangle(find_area('${editor}'), '${kind}')`);
  }

  /** The gateway is gone, or there again, at the same address. */
  async stopFarm(): Promise<void> {
    await this.farm.stop();
  }

  async startFarm(...options: readonly string[]): Promise<void> {
    this.farm = await startFarm({ folder: this.folder, blender: this.blender.program, port: this.#port, options });
  }

  /** A picture of what the editor shows, without the empty rest. */
  async shootPanel(name: string, editor = 'PROPERTIES'): Promise<Rectangle> {
    await this.window.run('redraw()');
    const path = join(this.pictures, `${name}.png`);
    const whole = await this.region(editor);
    const region = { ...whole, width: whole.width - CORNER, height: whole.height - CORNER };
    await this.display.shoot(path, region);
    const { stdout } = await run('convert', [path, '-format', '%@', 'info:']);
    const [, height = 0, y = 0] = (/^\d+x(\d+)\+\d+\+(\d+)/.exec(stdout) ?? []).map(Number);
    const content = { ...region, height: Math.min(region.height, y + height + MARGIN) };
    await run('convert', [path, '-crop', `${region.width}x${content.height}+0+0`, '+repage', path]);
    return content;
  }

  async shootWindow(name: string): Promise<void> {
    await this.window.run('redraw()');
    const { width, height } = this.display;
    await this.display.shoot(join(this.pictures, `${name}.png`), { x: 0, y: 0, width, height });
  }

  async close(): Promise<void> {
    await this.window.close();
    this.display.close();
    await this.farm.stop();
  }
}

async function savePreferences(
  blender: TestBlender,
  module: string,
  gateway: string,
  uiScale: number,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const script = `
import bpy
preferences = bpy.context.preferences
preferences.view.show_splash = False
preferences.view.ui_scale = ${uiScale}
preferences.filepaths.use_auto_save_temporary_files = False
if ${hasExtensions(blender) ? 'True' : 'False'}:
    preferences.system.use_online_access = True
chosen = preferences.addons['${module}'].preferences
chosen.gateway = '${gateway}'
chosen.submitter = 'anna'
bpy.ops.wm.save_userpref()
`;
  await runInBlender(blender, script, { environment, factory: false });
}

async function makeScene(blender: TestBlender, folder: string): Promise<string> {
  const shots = join(folder, 'shots');
  mkdirSync(shots, { recursive: true });
  const made = join(folder, 'made.blend');
  await runBlender(
    blender,
    ['--background', '--factory-startup', '--python-exit-code', '1', '--python', DEMO_SCENE, '--', made],
    {},
  );
  const file = join(shots, 'tablao_010.blend');
  copyFileSync(made, file);
  const script = `
import bpy
bpy.context.scene.render.filepath = '//render/tablao_010_####'
bpy.ops.wm.save_mainfile()
`;
  await runInBlender(blender, script, { file });
  return file;
}

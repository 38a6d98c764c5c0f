import { hasExtensions } from '../../test/support/install-addon.ts';
import { MARGIN, type State } from './stage.ts';

/** Of a closed subpanel's header, in pixels. */
const SUBPANEL = 31;
const CONNECTED = `result = addon.session.get().link.value == 'connected'`;
const FAILED = `result = addon.session.get().link.value == 'failed'`;
const ENDED = `run = addon.submit.current.get()\nresult = run is not None and run.has_ended`;

/** As the Render menu does. */
const OPEN_DIALOG = `
with bpy.context.temp_override(window=main_window()):
    bpy.ops.tablao.submit_dialog('INVOKE_DEFAULT')
`;

/** From the open scene to a submitted job: the Output properties, and the dialog of the Render menu. */
export const SUBMIT_STATES: readonly State[] = [
  {
    name: 'disconnected',
    async reach(stage) {
      await stage.showOutputProperties('panels');
      await stage.stopFarm();
      await stage.window.run('bpy.ops.tablao.connect()');
      await stage.window.until(FAILED);
      await stage.shootPanel(this.name);
    },
  },
  {
    name: 'offline',
    async reach(stage) {
      if (!hasExtensions(stage.blender)) return; // before 4.2 Blender does not ask
      await stage.window.run('bpy.context.preferences.system.use_online_access = False\nbpy.ops.tablao.connect()');
      await stage.window.until(FAILED);
      await stage.shootPanel(this.name);
      await stage.window.run('bpy.context.preferences.system.use_online_access = True');
    },
  },
  {
    name: 'connected',
    async reach(stage) {
      await stage.startFarm();
      await stage.window.run('bpy.ops.tablao.connect()');
      await stage.window.until(CONNECTED);
      await stage.shootPanel(this.name);
    },
  },
  {
    name: 'settings',
    async reach(stage) {
      const { x, y, height } = await stage.shootPanel(this.name);
      const press = (row: number) => stage.display.click(x + 60, y + height - MARGIN - (row - 0.5) * SUBPANEL);
      // Closed subpanels are the last rows, and opening or closing one moves only those below it.
      for (const row of [1, 2, 3]) await press(row);
      await stage.putMouseAway();
      await stage.shootPanel(this.name);
      for (const row of [3, 2, 1]) await press(row);
      await stage.putMouseAway();
    },
  },
  {
    name: 'errors',
    async reach(stage) {
      await stage.window.run(`
scene = bpy.context.scene
camera, scene.camera = scene.camera, None
path, scene.render.filepath = scene.render.filepath, '//render/tablao_010'
image = bpy.data.images.new('planks', 8, 8)
image.source, image.filepath = 'FILE', '//textures/planks_albedo.png'
material = bpy.data.materials['light wood']
texture = material.node_tree.nodes.new('ShaderNodeTexImage')
texture.image = image
`);
      await stage.window.run('bpy.ops.tablao.submit()');
      await stage.window.until(ENDED);
      await stage.shootPanel(this.name);
    },
  },
  {
    name: 'dialog',
    async reach(stage) {
      await stage.window.run('addon.submit.current.forget()');
      await stage.putMouseInMiddle();
      await stage.window.run(OPEN_DIALOG);
      await stage.shootWindow(this.name);
    },
  },
  {
    name: 'dialog-errors',
    async reach(stage) {
      await stage.display.key('Return');
      await stage.window.until(ENDED);
      await stage.shootWindow(this.name);
      await stage.display.key('Escape');
      await stage.putMouseAway();
    },
  },
  {
    name: 'warnings',
    async reach(stage) {
      await stage.window.run('scene.camera, scene.render.filepath = camera, path\nbpy.ops.wm.save_mainfile()');
      await stage.window.run('bpy.ops.tablao.submit()');
      await stage.window.until(ENDED);
      await stage.shootPanel(this.name);
    },
  },
  {
    name: 'submitting',
    async reach(stage) {
      await stage.window.run(
        'bpy.data.images.remove(image)\nmaterial.node_tree.nodes.remove(texture)\nbpy.ops.wm.save_mainfile()',
      );
      stage.farm.halt();
      await stage.window.run('bpy.ops.tablao.submit()');
      await stage.window.until(`result = addon.submit.current.get().step.value == 'Submitting'`);
      await stage.shootPanel(this.name);
    },
  },
  {
    name: 'submitted',
    async reach(stage) {
      stage.farm.goOn();
      await stage.window.until(ENDED);
      await stage.shootPanel(this.name);
    },
  },
  {
    name: 'notice',
    async reach(stage) {
      await stage.putMouseInMiddle();
      await stage.window.run(OPEN_DIALOG);
      await stage.display.key('Return');
      await stage.window.until(`result = addon.submit.current.get().step.value == 'Submitted'`);
      await stage.shootWindow(this.name);
      await stage.display.key('Escape');
    },
  },
];

/**
 * `npm run screenshots -- [--out FOLDER] PATH…`: drives a real window of each Blender whose program is given, and writes
 * pictures of the add-on's panels in each of their states to FOLDER/VERSION (screenshots/VERSION).
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { requireBlender } from '../test/support/blender.ts';
import { Stage } from './screenshots/stage.ts';
import { STATES } from './screenshots/states.ts';

const { values, positionals } = parseArgs({
  options: { out: { type: 'string', default: 'screenshots' }, only: { type: 'string', multiple: true } },
  allowPositionals: true,
});
if (positionals.length === 0) {
  console.error('Which Blenders? npm run screenshots -- /path/to/blender …');
  process.exit(2);
}
const here = process.env.INIT_CWD ?? '.';

for (const path of positionals) {
  const blender = await requireBlender(path.includes('/') ? resolve(here, path) : path);
  const pictures = resolve(here, values.out, blender.version);
  const folder = mkdtempSync(join(tmpdir(), 'tablao-'));
  chmodSync(folder, 0o711); // as root the database runs as another user, who must get through
  const stage = await Stage.open(blender, folder, pictures);
  try {
    for (const state of STATES) {
      await state.reach(stage);
      console.log(`${pictures}/${state.name}.png`);
    }
  } finally {
    await stage.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * `npm run screenshots -- [--only submit|jobs]… [--out FOLDER] PATH…`: drives a real window of each Blender whose program is
 * given, and writes pictures of the add-on in each of its states to FOLDER/VERSION (screenshots/VERSION).
 * Needs Xvfb, xdotool and ImageMagick.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { requireBlender } from '../test/support/blender.ts';
import { LIVE_STATES } from './screenshots/live-states.ts';
import { Stage, type State } from './screenshots/stage.ts';
import { SUBMIT_STATES } from './screenshots/submit-states.ts';

const SETS: Readonly<Record<string, readonly State[]>> = { submit: SUBMIT_STATES, jobs: LIVE_STATES };

const { values, positionals } = parseArgs({
  options: {
    out: { type: 'string', default: 'screenshots' },
    only: { type: 'string', multiple: true, default: Object.keys(SETS) },
  },
  allowPositionals: true,
});
const unknown = values.only.filter((name) => !(name in SETS));
if (positionals.length === 0 || unknown.length > 0) {
  console.error(`npm run screenshots -- [--only ${Object.keys(SETS).join('|')}]… [--out FOLDER] PATH…`);
  process.exit(2);
}
const here = process.env.INIT_CWD ?? '.';

for (const path of positionals) {
  const blender = await requireBlender(path.includes('/') ? resolve(here, path) : path);
  const pictures = resolve(here, values.out, blender.version);
  for (const name of values.only) {
    const folder = mkdtempSync(join(tmpdir(), 'tablao-'));
    chmodSync(folder, 0o711); // as root the database runs as another user, who must get through
    const stage = await Stage.open({ blender, folder, pictures });
    try {
      for (const state of SETS[name] ?? []) {
        console.log(`${pictures}/${state.name}.png`);
        await state.reach(stage);
      }
    } finally {
      await stage.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

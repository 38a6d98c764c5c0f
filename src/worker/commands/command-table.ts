import type { CommandName } from '../../domain/commands.ts';
import { blenderRender } from './blender-render.ts';
import type { RunCommand } from './command-context.ts';
import { copyFile } from './copy-file.ts';
import { echo } from './echo.ts';
import { exec } from './exec.ts';
import { framesToVideo } from './frames-to-video.ts';
import { makeDirectory } from './make-directory.ts';
import { moveDirectory } from './move-directory.ts';
import { sleep } from './sleep.ts';

/** What this worker can execute, by the names that job types use. A new command is a file here, a row, and its parameters in the domain. */
export const COMMANDS: Readonly<Record<string, RunCommand>> = {
  'blender-render': blenderRender,
  'frames-to-video': framesToVideo,
  'make-directory': makeDirectory,
  'move-directory': moveDirectory,
  'copy-file': copyFile,
  exec,
  echo,
  sleep,
} satisfies Readonly<Record<CommandName, RunCommand>>;

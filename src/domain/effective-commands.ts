import type { Command } from './command.ts';

/**
 * A task's commands as they are to be executed this time. Frames that are there already are left out only until the task
 * has completed once or its frames were named: whoever requeues those wants them rendered.
 */
export function effectiveCommands(commands: readonly Command[], rendersAnew: boolean): Command[] {
  return commands.map(({ name, parameters }) =>
    rendersAnew && parameters.skipExisting === true
      ? { name, parameters: { ...parameters, skipExisting: false } }
      : { name, parameters },
  );
}

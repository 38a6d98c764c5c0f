import type { Command } from './command.ts';

/**
 * A task's commands as they are to be executed this time. Frames that are there already are left out only until the task
 * has completed once: whoever requeues a completed task wants it rendered.
 */
export function effectiveCommands(commands: readonly Command[], completedOnce: boolean): Command[] {
  return commands.map(({ name, parameters }) =>
    completedOnce && parameters.skipExisting === true
      ? { name, parameters: { ...parameters, skipExisting: false } }
      : { name, parameters },
  );
}

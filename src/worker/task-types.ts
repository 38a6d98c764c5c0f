import type { Logger } from 'pino';
import { TASK_TYPES } from '../domain/task-types.ts';
import { installedOf } from './blenders.ts';
import type { FoundBlender } from './find-blender.ts';

/**
 * The task types that the worker offers: those it was told, else all that this machine can execute.
 * Told explicitly, they are kept even without Blender: their attempts then fail and say why, which a farm's owner who
 * asked for them wants to see.
 */
export function chooseTaskTypes(
  wanted: readonly string[] | undefined,
  blenders: readonly FoundBlender[],
  logger: Logger,
): readonly string[] {
  const isMissing = installedOf(blenders).length === 0;
  const types = wanted ?? offered(isMissing);
  const without = wanted === undefined ? `takes only tasks of type ${types.join(', ')}` : 'fails tasks that need it';
  const consequence = isMissing ? without : 'goes on with the others';
  for (const blender of blenders) {
    if (blender.program !== undefined) logger.info({ program: blender.program }, `Blender ${blender.version}`);
    else
      logger.warn(
        `Blender was not found (${blender.missing}): this worker ${consequence}. Install it, or give --blender PATH.`,
      );
  }
  return types;
}

function offered(isBlenderMissing: boolean): readonly string[] {
  return Object.entries(TASK_TYPES)
    .filter(([, { needsBlender }]) => !(needsBlender && isBlenderMissing))
    .map(([type]) => type);
}

import { canDo, type FarmWorker, type WantedWork } from './failure-policy.ts';
import { describeNeed } from './needs.ts';

/**
 * What keeps every worker from such work, in words; null when one of them can do it.
 *
 * @param workers who is awake and within the lease.
 */
export function explainMissingWorker(work: WantedWork, workers: readonly FarmWorker[]): string | null {
  if (workers.some((worker) => canDo(worker, work))) return null;
  if (workers.length === 0) return 'No worker is awake.';
  const wants = describeWants(work);
  const nobodyHas = wants.filter(({ has }) => !workers.some(has));
  // When each thing is somewhere, nobody has all of them together.
  const missing = nobodyHas.length > 0 ? nobodyHas : wants;
  return `No worker that is awake ${joinWords(missing.map(({ verb }) => verb))}.${describeBlenders(nobodyHas, workers)}`;
}

interface Want {
  /** What a worker does that has it, as `has Blender 5.2`. */
  readonly verb: string;
  readonly isBlender: boolean;
  has(worker: FarmWorker): boolean;
}

function describeWants({ taskType, workerTag, needs }: WantedWork): Want[] {
  const type: Want = {
    verb: `takes tasks of the type "${taskType}"`,
    isBlender: false,
    has: (worker) => worker.taskTypes.includes(taskType),
  };
  const tag: Want[] =
    workerTag === null
      ? []
      : [{ verb: `has the tag "${workerTag}"`, isBlender: false, has: (worker) => worker.tags.includes(workerTag) }];
  return [
    type,
    ...tag,
    ...needs.map((need) => ({
      verb: `has ${describeNeed(need)}`,
      isBlender: need.startsWith('blender:'),
      has: (worker: FarmWorker) => worker.offers.includes(need),
    })),
  ];
}

/** Which Blenders there are instead of the one that is missing. */
function describeBlenders(missing: readonly Want[], workers: readonly FarmWorker[]): string {
  if (!missing.some(({ isBlender }) => isBlender)) return '';
  const words = workers.flatMap(({ offers }) => offers.filter((word) => word.startsWith('blender:')));
  // Of 5.2 and 5.2.2, which are one Blender, the longer says more.
  const versions = [...new Set(words)].filter((word) => !words.some((other) => other.startsWith(`${word}.`)));
  return versions.length === 0 ? ' None has a Blender.' : ` There is ${versions.map(describeNeed).join(', ')}.`;
}

function joinWords(words: readonly string[]): string {
  return words.length <= 1 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

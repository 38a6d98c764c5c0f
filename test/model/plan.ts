/** For each task the indexes of the tasks that it depends on. */
type Dependencies = readonly (readonly number[])[];

/** The jobs that the model walks. */
// biome-ignore format: one shape per line
export const SHAPES = {
  'two frames and a video': [[], [], [0, 1]],
  'a chain of three':       [[], [0], [1]],
  'three independent':      [[], [], []],
  'one edge':               [[], [0], []],
  'a diamond of four':      [[], [0], [0], [1, 2]],
  'a chain of four':        [[], [0], [1], [2]],
} as const satisfies Record<string, Dependencies>;
export type Shape = keyof typeof SHAPES;

/** How many failed tasks fail the job, as the percentage that says so for three tasks and for four. */
export const FAILURE_LIMITS = { one: 10, two: 50, none: 100 } as const;
export type FailureLimit = keyof typeof FAILURE_LIMITS;

const TASK_IDS = Array.from({ length: 100 }, (_, index) => `task ${index + 1}`);

/** Ids and names of the tasks, counted from 1 as people do. */
export function taskId(index: number): string {
  return TASK_IDS[index]!;
}

/** What of a job never changes while it is walked. */
export interface Plan {
  readonly name: string;
  readonly dependencies: Dependencies;
  /** For each task the ids of those that depend on it. */
  readonly dependents: readonly string[][];
  readonly maxAttempts: number;
  readonly failureLimitPercent: number;
}

export function makePlan(
  name: string,
  dependencies: Dependencies,
  maxAttempts: number,
  failureLimitPercent: number,
): Plan {
  const dependents = dependencies.map((_, task) =>
    dependencies.flatMap((of, dependent) => (of.includes(task) ? [taskId(dependent)] : [])),
  );
  return { name, dependencies, dependents, maxAttempts, failureLimitPercent };
}

export function planOf(shape: Shape, maxAttempts: number, limit: FailureLimit): Plan {
  const name = `${shape}, ${maxAttempts} attempts, limit ${limit}`;
  return makePlan(name, SHAPES[shape], maxAttempts, FAILURE_LIMITS[limit]);
}

/** Every renumbering of the tasks that leaves the dependencies as they are, the identity first. */
export function findSymmetries({ dependencies }: Pick<Plan, 'dependencies'>): number[][] {
  const edges = new Set(dependencies.flatMap((of, task) => of.map((dependency) => `${dependency}>${task}`)));
  return permute(dependencies.map((_, task) => task)).filter((to) =>
    dependencies.every((of, task) => of.every((dependency) => edges.has(`${to[dependency]}>${to[task]}`))),
  );
}

function permute(items: readonly number[]): number[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((first) => permute(items.filter((item) => item !== first)).map((rest) => [first, ...rest]));
}

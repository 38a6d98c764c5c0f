/** The task types that workers take unless they are told otherwise, and whether they need Blender. */
export const TASK_TYPES = {
  blender: { needsBlender: true },
  video: { needsBlender: true },
  misc: { needsBlender: false },
} as const satisfies Record<string, { needsBlender: boolean }>;

export const TASK_TYPE_NAMES = Object.keys(TASK_TYPES);

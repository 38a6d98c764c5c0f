import { defineJobType } from '../../src/domain/job-type.ts';
import { createJobTypeRegistry } from '../../src/domain/job-type-registry.ts';
import { BUILT_IN_JOB_TYPES } from '../../src/job-types/built-in.ts';

/** For each task the indexes of the tasks that it depends on. */
export type Shape = readonly (readonly number[])[];

/** Jobs of any shape: what the gateway does with a status does not depend on what a task renders. */
const shapeJobType = defineJobType({
  name: 'shape',
  label: 'Shape',
  description: 'Tasks that depend on each other as the test wants it.',
  version: '1.0.0',
  taskTypes: ['misc', 'video'],
  settings: [
    { key: 'shape', label: 'Shape', description: 'A Shape as JSON.', type: 'STRING', required: true },
    {
      key: 'types',
      label: 'Types',
      description: "Each task's type, by index; else misc.",
      type: 'STRING',
      default: 'misc',
    },
    { key: 'framesEach', label: 'Frames', description: 'Frames of each task.', type: 'INTEGER', default: 0 },
    {
      key: 'frames',
      label: 'Frames',
      description: "Each task's frames, by index, with blanks between the tasks.",
      type: 'STRING',
    },
  ],
  compile({ settings: { shape, types, framesEach, frames } }) {
    const given = types.split(',');
    const texts = frames?.split(' ') ?? [];
    return (JSON.parse(shape) as Shape).map((dependsOn, index) => ({
      name: `task ${index + 1}`,
      type: given[index] || 'misc',
      frames: texts[index]
        ? texts[index]
        : framesEach === 0
          ? null
          : `${index * framesEach + 1}-${(index + 1) * framesEach}`,
      commands: [{ name: 'echo', parameters: { message: `task ${index + 1}`, skipExisting: true } }],
      dependsOn,
    }));
  },
});

export const TEST_JOB_TYPES = createJobTypeRegistry([...BUILT_IN_JOB_TYPES.list(), shapeJobType]);

/** So many tasks, none of which waits for another. */
export function independent(count: number): Shape {
  return Array.from({ length: count }, () => []);
}

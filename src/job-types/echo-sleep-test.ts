import { defineJobType, MAX_TASKS } from '../domain/job-type.ts';

/** Tasks that need no Blender: to try a farm, and to test it. */
export const echoSleepTest = defineJobType({
  name: 'echo-sleep-test',
  label: 'Echo and Sleep',
  description: 'Tasks that write a message into their log and sleep. For trying a farm without rendering.',
  version: '1.0.0',
  taskTypes: ['misc'],
  settings: [
    {
      key: 'message',
      label: 'Message',
      description: 'What each task writes into its log.',
      type: 'STRING',
      default: 'Hello from the farm',
    },
    {
      key: 'sleepSeconds',
      label: 'Sleep Seconds',
      description: 'How long each task then sleeps.',
      type: 'FLOAT',
      default: 1,
      minimum: 0,
      maximum: 3600,
    },
    {
      key: 'repeats',
      label: 'Repeats',
      description: 'How many such tasks there are; none waits for another.',
      type: 'INTEGER',
      default: 1,
      minimum: 1,
      maximum: MAX_TASKS,
    },
  ],
  compile({ settings: { message, sleepSeconds, repeats } }) {
    const commands = [
      { name: 'echo', parameters: { message } },
      { name: 'sleep', parameters: { seconds: sleepSeconds } },
    ];
    return Array.from({ length: repeats }, (_, i) => ({
      name: `echo ${i + 1}`,
      type: 'misc',
      frames: null,
      commands,
      dependsOn: [],
    }));
  },
});

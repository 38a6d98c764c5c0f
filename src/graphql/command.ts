import type { Command } from '../domain/command.ts';
import { builder } from './builder.ts';

export const CommandType = builder.objectRef<Command>('Command').implement({
  description: 'One step of a task.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What workers know it by, as `blender-render`.' }),
    parameters: t.field({
      type: 'JSON',
      description: 'Its parameters, by name.',
      resolve: ({ parameters }) => parameters,
    }),
  }),
});

import { SCENE_SOURCES, type SettingDeclaration } from '../domain/job-type.ts';
import type { JobTypeDeclaration, JobTypeFault } from '../domain/job-type-registry.ts';
import { builder, enumFromTable } from './builder.ts';

const SettingTypeEnum = enumFromTable('SettingType', 'What kind of value a setting takes.', {
  STRING: 'Text.',
  INTEGER: 'A whole number.',
  FLOAT: 'A number.',
  BOOLEAN: 'True or false.',
  FILE_PATH: 'The absolute path of a file, as the workers see it.',
  DIRECTORY_PATH: 'The absolute path of a folder, as the workers see it.',
  FRAMES: 'Frames, as `1-10`, `1-100x5` or `5,7,9-12`.',
});
const SceneSourceEnum = enumFromTable(
  'SceneSource',
  'What of a Blender scene a setting can be filled from.',
  SCENE_SOURCES,
);

const JobTypeSetting = builder.objectRef<SettingDeclaration>('JobTypeSetting').implement({
  description: 'A setting that a job type declares: forms and checks are made from it.',
  fields: (t) => ({
    key: t.exposeString('key', { description: 'Its key in `settings`.' }),
    label: t.exposeString('label', { description: 'What a form calls it.' }),
    description: t.exposeString('description', { description: 'What it does.' }),
    type: t.field({ type: SettingTypeEnum, description: 'What kind of value it takes.', resolve: ({ type }) => type }),
    default: t.field({
      type: 'JSON',
      nullable: true,
      description: 'Taken when nothing is given.',
      resolve: (setting) => setting.default,
    }),
    choices: t.field({
      type: ['JSON'],
      nullable: true,
      description: 'The only values that are allowed.',
      resolve: ({ choices }) => (choices ? [...choices] : null),
    }),
    minimum: t.float({
      nullable: true,
      description: 'The smallest number that is allowed.',
      resolve: ({ minimum }) => minimum,
    }),
    maximum: t.float({
      nullable: true,
      description: 'The greatest number that is allowed.',
      resolve: ({ maximum }) => maximum,
    }),
    required: t.exposeBoolean('required', { description: 'Whether a value must be given.' }),
    editable: t.exposeBoolean('editable', { description: 'Whether a form offers it.' }),
    sceneSource: t.field({
      type: SceneSourceEnum,
      nullable: true,
      description: 'What of the scene fills it.',
      resolve: ({ sceneSource }) => sceneSource,
    }),
  }),
});

export const JobTypeObject = builder.objectRef<JobTypeDeclaration>('JobType').implement({
  description: 'A kind of job: the settings that it takes, and the tasks that it makes of them.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What submitJob calls it.' }),
    label: t.exposeString('label', { description: 'What a form calls it.' }),
    description: t.exposeString('description', { description: 'What it is for.' }),
    version: t.exposeString('version', { description: 'Rises when the same settings would give other tasks.' }),
    taskTypes: t.field({
      type: ['String'],
      description: 'The task types that it makes; workers say which ones they take.',
      resolve: ({ taskTypes }) => [...taskTypes],
    }),
    settings: t.field({
      type: [JobTypeSetting],
      description: 'Its settings, in the order of a form.',
      resolve: ({ settings }) => [...settings],
    }),
  }),
});

const JobTypeFaultType = builder.objectRef<JobTypeFault>('JobTypeFault').implement({
  description: "A file of the gateway's folder of job types that is left out, because it is broken.",
  fields: (t) => ({
    file: t.exposeString('file', { description: 'The file, within the folder.' }),
    line: t.exposeInt('line', { nullable: true, description: 'Where in it; null when the fault has no place.' }),
    message: t.exposeString('message', { description: 'What is wrong.' }),
  }),
});

builder.queryFields((t) => ({
  jobTypeFaults: t.field({
    type: [JobTypeFaultType],
    description: 'Which job types of its own folder the gateway had to leave out, and why.',
    resolve: (_root, _args, { jobTypes }) => [...jobTypes.faults()],
  }),
  jobTypes: t.field({
    type: [JobTypeObject],
    description: 'The job types of this gateway.',
    resolve: (_root, _args, { jobTypes }) => [...jobTypes.list()],
  }),
  jobType: t.field({
    type: JobTypeObject,
    nullable: true,
    description: 'A job type by its name.',
    args: { name: t.arg.string({ required: true, description: 'Its name.' }) },
    resolve: (_root, { name }, { jobTypes }) => jobTypes.get(name),
  }),
}));

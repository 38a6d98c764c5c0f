import type { JobType } from './job-type.ts';
import { type JobRequest, type PreparedJob, prepareJob } from './prepare-job.ts';

/** A job type as the API shows it. */
export type JobTypeDeclaration = Omit<JobType, 'compile'>;

/** A file that should declare a job type and does not. */
export interface JobTypeFault {
  /** Within the folder of job types. */
  readonly file: string;
  /** null where it has no place in the file. */
  readonly line: number | null;
  readonly message: string;
}

/** The job types of a gateway, in their order, as they are now: those of one's own come and go. */
export interface JobTypeRegistry {
  get(name: string): JobTypeDeclaration | null;
  list(): readonly JobTypeDeclaration[];
  /** What was left out. */
  faults(): readonly JobTypeFault[];
  /**
   * Lets a job type check the settings and compile them.
   * @returns null when there is no such type
   */
  prepare(name: string, request: JobRequest): Promise<PreparedJob | null>;
}

/** Types that are part of the program. */
export interface FixedJobTypes extends JobTypeRegistry {
  get(name: string): JobType | null;
  list(): readonly JobType[];
}

/** Throws when two types share a name: one would hide the other. */
export function createJobTypeRegistry(types: readonly JobType[]): FixedJobTypes {
  const byName = new Map(types.map((type) => [type.name, type]));
  const twice = types.find((type) => byName.get(type.name) !== type);
  if (twice !== undefined) throw new Error(`Two job types are named "${twice.name}".`);
  const get = (name: string) => byName.get(name) ?? null;
  return {
    get,
    list: () => types,
    faults: () => [],
    async prepare(name, request) {
      const jobType = get(name);
      return jobType && prepareJob(jobType, request);
    },
  };
}

/** One registry of several; a name is the first one's that has it. */
export function joinJobTypes(...registries: readonly JobTypeRegistry[]): JobTypeRegistry {
  const ownerOf = (name: string) => registries.find((registry) => registry.get(name) !== null);
  return {
    get: (name) => ownerOf(name)?.get(name) ?? null,
    list: () => registries.flatMap((registry) => registry.list()),
    faults: () => registries.flatMap((registry) => registry.faults()),
    prepare: async (name, request) => (await ownerOf(name)?.prepare(name, request)) ?? null,
  };
}

import { createJobTypeRegistry } from '../domain/job-type-registry.ts';
import { echoSleepTest } from './echo-sleep-test.ts';
import { simpleBlenderRender } from './simple-blender-render.ts';

/** The job types that every gateway has. */
export const BUILT_IN_JOB_TYPES = createJobTypeRegistry([simpleBlenderRender, echoSleepTest]);

import { lexicographicSortSchema } from 'graphql';
import { builder } from './builder.ts';
import './status.ts';
import './job-type.ts';
import './worker.ts';
import './job.ts';
import './task.ts';
import './frame.ts';
import './submit-job.ts';
import './preview-job.ts';
import './farm.ts';
import './job-actions.ts';
import './task-actions.ts';
import './worker-protocol.ts';
import './status-change.ts';
import './live-rows.ts';
import './live-pages.ts';
import './task-log.ts';

/** The API, sorted so that the printed schema changes only where the API does. */
export const schema = lexicographicSortSchema(builder.toSchema());

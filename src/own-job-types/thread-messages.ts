import type { InputIssue } from '../domain/input-issue.ts';
import type { Settings } from '../domain/job-type.ts';
import type { JobRequest } from '../domain/prepare-job.ts';

/** What the thread is started with. */
export interface ThreadRequest {
  /** Absolute. */
  readonly file: string;
  /** What to compile; null: only look at the job type. */
  readonly job: JobRequest | null;
}

export interface ThreadFault {
  readonly message: string;
  readonly line: number | null;
  /** A syntax error that may not know its line. */
  readonly isSyntax: boolean;
}

/** What the thread answers. Declarations and tasks come as JSON: what is no JSON must not pass. */
export type ThreadAnswer =
  | { readonly fault: ThreadFault }
  | {
      readonly declaration: string;
      readonly compiled:
        | undefined
        | { readonly settings: Settings; readonly tasks: string }
        | { readonly issues: readonly InputIssue[] }
        | { readonly faults: readonly string[] };
    };

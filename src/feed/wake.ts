import type { CommittedChange } from '../store/store.ts';

/** What has changed, for those who have to look again: ids and no rows. */
export interface Wake {
  readonly jobIds: ReadonlySet<string>;
  readonly workerIds: ReadonlySet<string>;
  /** Attempts whose log has grown. */
  readonly attemptIds: ReadonlySet<string>;
  /** Whether idle workers may find something that was not there before. */
  readonly mayHaveWork: boolean;
  /** Too much to be told: everyone has to look. */
  readonly isEverything: boolean;
}

const NONE: ReadonlySet<string> = new Set();

export const WAKE_ALL: Wake = {
  jobIds: NONE,
  workerIds: NONE,
  attemptIds: NONE,
  mayHaveWork: true,
  isEverything: true,
};

export function wakeOfChange({ jobIds, workerIds, mayHaveWork }: CommittedChange): Wake {
  return { jobIds, workerIds, mayHaveWork, attemptIds: NONE, isEverything: false };
}

export function wakeOfLog(attemptId: string): Wake {
  return { jobIds: NONE, workerIds: NONE, attemptIds: new Set([attemptId]), mayHaveWork: false, isEverything: false };
}

/** Whether the workers that there are changed, and not what they do: tasks may wait for another reason now. */
export function isFarmChange({ jobIds, workerIds }: Wake): boolean {
  return workerIds.size > 0 && jobIds.size === 0;
}

export function joinWakes(a: Wake, b: Wake): Wake {
  return {
    jobIds: new Set([...a.jobIds, ...b.jobIds]),
    workerIds: new Set([...a.workerIds, ...b.workerIds]),
    attemptIds: new Set([...a.attemptIds, ...b.attemptIds]),
    mayHaveWork: a.mayHaveWork || b.mayHaveWork,
    isEverything: a.isEverything || b.isEverything,
  };
}

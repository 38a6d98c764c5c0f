import { Command, Option } from 'commander';
import { type ChangeOfMany, changeMany } from './change-many.ts';
import { cancelTasks, requeueFrames, requeueTasks, tasksOption } from './change-tasks.ts';
import { chooseGateway, operation } from './gateway.ts';
import type { GlobalFlags } from './global-options.ts';

const CHANGED = '__typename ... on JobSuccess { changed job { id name status } } ... on Error { code message }';

const CANCEL: ChangeOfMany = operation(
  `mutation Cancel($input: CancelJobsInput!) { results: cancelJobs(input: $input) { ${CHANGED} } }`,
);
const REQUEUE: ChangeOfMany = operation(
  `mutation Requeue($input: RequeueJobsInput!) { results: requeueJobs(input: $input) { ${CHANGED} } }`,
);
const DELETE: ChangeOfMany = operation(
  `mutation Delete($input: DeleteJobsInput!) {
    results: deleteJobs(input: $input) { __typename ... on DeleteSuccess { deletedId } ... on Error { code message } }
  }`,
);

interface Flags extends GlobalFlags {
  readonly tasks?: readonly number[];
  readonly frames?: string;
}

/** `tablao cancel JOB…` */
export function cancelCommand(): Command {
  return changeCommand('cancel', 'Cancel jobs: what waits ends at once, what runs is stopped.')
    .addOption(tasksOption('cancel only these tasks of one job'))
    .action((ids: readonly string[], flags: Flags, command: Command) =>
      flags.tasks ? cancelTasks(onlyOf(ids, command), flags.tasks, flags) : changeJobs(CANCEL, ids, flags),
    );
}

/** `tablao requeue JOB…` */
export function requeueCommand(): Command {
  const description = 'Put jobs that have ended back: what did not complete, or everything when all of it did.';
  return changeCommand('requeue', description)
    .addOption(tasksOption('put only these tasks of one job back'))
    .addOption(
      new Option('--frames <frames>', 'render only these frames of one job again, as 57,60-62').conflicts('tasks'),
    )
    .addHelpText(
      'after',
      '\nTasks and frames can be put back while the job runs. What depends on them is done again too.',
    )
    .action((ids: readonly string[], flags: Flags, command: Command) => {
      if (flags.frames !== undefined) return requeueFrames(onlyOf(ids, command), flags.frames, flags);
      return flags.tasks ? requeueTasks(onlyOf(ids, command), flags.tasks, flags) : changeJobs(REQUEUE, ids, flags);
    });
}

/** `tablao delete JOB…` */
export function deleteCommand(): Command {
  return changeCommand('delete', 'Delete jobs that do not run. The files that they rendered stay.').action(
    (ids: readonly string[], flags: Flags) => changeJobs(DELETE, ids, flags),
  );
}

function changeCommand(name: string, description: string): Command {
  return new Command(name).description(description).argument('<job...>', 'their ids');
}

/** Numbers of tasks and of frames say something in one job only. */
function onlyOf(ids: readonly string[], command: Command): string {
  const [id, ...others] = ids;
  if (id === undefined || others.length > 0) command.error('error: --tasks and --frames are of one job: name only it.');
  return id;
}

function changeJobs(change: ChangeOfMany, ids: readonly string[], flags: GlobalFlags): Promise<void> {
  return changeMany(chooseGateway(flags), change, ids, flags);
}

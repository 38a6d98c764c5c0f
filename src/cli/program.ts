import { Command, CommanderError } from 'commander';
import { VERSION } from '../server/version.ts';
import { findCallersFolder } from './callers-folder.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { addGlobalOptions, addMissingGlobalOptions, passGlobalOptionsOn } from './global-options.ts';
import { reportFailure, stayQuietOnClosedOutput } from './report-failure.ts';

interface CommandEntry {
  readonly usage: string;
  readonly summary: string;
  /** Imports only what the command needs: `tablao jobs` must not wait for the database's driver. */
  load(): Promise<Command>;
}

// biome-ignore format: one command per line
const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  serve:   { usage: '[options]',            summary: 'run the gateway, its database and a worker',     load: async () => (await import('./serve.ts')).serveCommand() },
  worker:  { usage: '[options]',            summary: 'execute tasks of a gateway on this machine',     load: async () => (await import('./worker.ts')).workerCommand() },
  submit:  { usage: '[options] [file]',     summary: 'submit a .blend file to be rendered',            load: async () => (await import('./submit.ts')).submitCommand() },
  watch:   { usage: '[options] <job>',      summary: 'follow a job until it ends',                     load: async () => (await import('./watch.ts')).watchCommand() },
  jobs:    { usage: '[options]',            summary: 'list jobs, the newest first',                    load: async () => (await import('./jobs.ts')).jobsCommand() },
  job:     { usage: '[options] <job>',      summary: 'show a job',                                     load: async () => (await import('./job.ts')).jobCommand() },
  tasks:   { usage: '[options] <job>',      summary: 'list the tasks of a job',                        load: async () => (await import('./tasks.ts')).tasksCommand() },
  logs:    { usage: '[options] <task>',     summary: 'print what the programs of a task printed',      load: async () => (await import('./logs.ts')).logsCommand() },
  cancel:  { usage: '[options] <job...>',   summary: 'cancel jobs',                                    load: async () => (await import('./change-jobs.ts')).cancelCommand() },
  requeue: { usage: '[options] <job...>',   summary: 'put jobs that have ended back into the queue',   load: async () => (await import('./change-jobs.ts')).requeueCommand() },
  delete:  { usage: '[options] <job...>',   summary: 'delete jobs; what they rendered stays',          load: async () => (await import('./change-jobs.ts')).deleteCommand() },
  workers: { usage: '[options]',            summary: 'list the workers',                               load: async () => (await import('./workers.ts')).workersCommand() },
  doctor:  { usage: '[options]',            summary: 'say what is wrong here and how to mend it',      load: async () => (await import('./doctor.ts')).doctorCommand() },
  completion: { usage: '<shell>',           summary: 'make the Tab key know all this',                 load: async () => (await import('./completion.ts')).completionCommand() },
  demo:    { usage: '[options]',            summary: 'render a small scene from end to end, and stop', load: async () => (await import('./demo.ts')).demoCommand() },
};

export const COMMAND_NAMES = Object.keys(COMMANDS);

const FOOTER = `
Exit codes: 0 done; 1 the command failed; 2 wrong usage; 3 the job failed; 4 the job was canceled; 130 interrupted.
"tablao help COMMAND" tells more about each command.`;

/** Parses the arguments, runs the command, and sets the exit code of the process. */
export async function runProgram(args: readonly string[]): Promise<void> {
  stayQuietOnClosedOutput(args);
  try {
    process.chdir(findCallersFolder() ?? '.');
    const program = await buildProgram(args);
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version end like this too, with exit code 0.
      process.exitCode = error.exitCode === 0 ? EXIT_CODES.done : EXIT_CODES.usage;
    } else {
      reportFailure(error, args);
      process.exitCode = EXIT_CODES.failed;
    }
  }
}

/** The whole program, with the commands that the arguments name fully loaded and the others by their names only. */
export async function buildProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('tablao')
    .description('A GraphQL gateway for Blender renders.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ subcommandTerm: (command) => `${command.name()} ${command.usage()}` })
    .addHelpText('after', FOOTER)
    .enablePositionalOptions()
    .exitOverride();
  addGlobalOptions(program);
  program.hook('preSubcommand', passGlobalOptionsOn);
  for (const [name, entry] of Object.entries(COMMANDS)) {
    if (args.includes(name)) program.addCommand(await loadCommand(program, entry));
    else program.command(name).usage(entry.usage).description(entry.summary);
  }
  return program;
}

async function loadCommand(program: Command, { usage, summary, load }: CommandEntry): Promise<Command> {
  const command = await load();
  addMissingGlobalOptions(command);
  return command
    .usage(usage)
    .summary(summary)
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .copyInheritedSettings(program);
}

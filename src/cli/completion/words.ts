import type { Argument, Command, Option } from 'commander';

/** What can follow where something is to be typed: one of these, a file, or nothing that a shell could know. */
export type Values = readonly string[] | 'file' | 'anything';

export interface OptionWords {
  /** `--status` */
  readonly name: string;
  readonly description: string;
  /** Null for a switch. */
  readonly values: Values | null;
}

export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionWords[];
  /** What its arguments are; null when it has none. */
  readonly argument: Values | null;
}

/** What a shell can offer, read off the program itself: a command that is added needs nothing more. */
export interface ProgramWords {
  readonly options: readonly OptionWords[];
  readonly commands: readonly CommandWords[];
}

export function readProgram(program: Command): ProgramWords {
  const commands = program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary() || command.description(),
    options: readOptions(command),
    argument: command.registeredArguments[0] ? readArgument(command.registeredArguments[0]) : null,
  }));
  return { options: readOptions(program), commands };
}

function readOptions(command: Command): OptionWords[] {
  return command.createHelp().visibleOptions(command).flatMap(readOption);
}

function readOption({ long, description, flags, argChoices, required, optional }: Option): OptionWords[] {
  if (!long) return [];
  return [{ name: long, description, values: required || optional ? (argChoices ?? judgePlaceholder(flags)) : null }];
}

function readArgument(argument: Argument): Values {
  return argument.argChoices ?? judgePlaceholder(argument.name());
}

/** The placeholders say what they stand for. */
function judgePlaceholder(text: string): Values {
  return /\b(file|folder|path)\b/.test(text) ? 'file' : 'anything';
}

/** In single quotes of a POSIX shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

import { Argument, Command } from 'commander';
import { writeBash } from './completion/bash.ts';
import { writeFish } from './completion/fish.ts';
import { type ProgramWords, readProgram } from './completion/words.ts';
import { writeZsh } from './completion/zsh.ts';
import { buildProgram, COMMAND_NAMES } from './program.ts';

const SHELLS: Readonly<Record<string, (words: ProgramWords) => string>> = {
  bash: writeBash,
  zsh: writeZsh,
  fish: writeFish,
};

/** `tablao completion SHELL`: what makes the Tab key know the commands and their options. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('Print the script that makes the Tab key of a shell know the commands and their options.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)))
    .addHelpText('after', HELP)
    .action(async (shell: string) => {
      const program = await buildProgram(COMMAND_NAMES);
      process.stdout.write(SHELLS[shell]!(readProgram(program)));
    });
}

const HELP = `
For the next shells too:
  bash  echo 'eval "$(tablao completion bash)"' >> ~/.bashrc
  zsh   echo 'eval "$(tablao completion zsh)"' >> ~/.zshrc
  fish  echo 'tablao completion fish | source' >> ~/.config/fish/config.fish`;

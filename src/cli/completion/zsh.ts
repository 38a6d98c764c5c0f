import { type CommandWords, type OptionWords, type ProgramWords, quote, type Values } from './words.ts';

export function writeZsh({ options, commands }: ProgramWords): string {
  return `#compdef tablao
# In ~/.zshrc, after compinit: eval "$(tablao completion zsh)"
_tablao() {
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${quote(`${name}:${summary.replaceAll(':', '\\:')}`)}`).join('\n')}
  )
  local context state state_descr line
  typeset -A opt_args
  _arguments -C ${options.map(writeOption).join(' ')} '1:command:->command' '*::argument:->argument'
  case $state in
    command) _describe command commands ;;
    argument)
      case $words[1] in
${commands.map(writeCommand).join('\n')}
      esac ;;
  esac
}
compdef _tablao tablao
`;
}

function writeCommand({ name, options, argument }: CommandWords): string {
  const words = argument === null ? [] : [quote(`*:argument:${writeValues(argument)}`)];
  return `        ${name}) _arguments ${[...options.map(writeOption), ...words].join(' ')} ;;`;
}

/** A star: as often as needed, which is for the program to judge. */
function writeOption({ name, description, values }: OptionWords): string {
  const text = description.replaceAll(/[[\]\\:]/g, '\\$&');
  const action = values === null ? '' : `:value:${writeValues(values)}`;
  return quote(`*${name}[${text}]${action}`);
}

function writeValues(values: Values): string {
  if (values === 'file') return '_files';
  return values === 'anything' ? ' ' : `(${values.join(' ')})`;
}

import type { CommandWords, OptionWords, ProgramWords } from './words.ts';

/** For bash from 3.2 on, which is that of macOS. Where nothing is offered, it offers files by itself. */
export function writeBash({ options, commands }: ProgramWords): string {
  const names = commands.map(({ name }) => name);
  const owners = [{ name: '', options }, ...commands];
  return `# In ~/.bashrc: eval "$(tablao completion bash)"
_tablao() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command='' options='' arguments='' at
  for ((at = 1; at < COMP_CWORD; at++)); do
    case \${COMP_WORDS[at]} in
      ${names.join('|')}) command=\${COMP_WORDS[at]}; break ;;
    esac
  done
  COMPREPLY=()
  case "$command $before" in
${owners.flatMap(writeChoices).join('\n')}
    ${owners.flatMap(listOthers).join('|')}) return ;;
  esac
  case "$command" in
    '') options='${namesOf(options)}' arguments='${names.join(' ')}' ;;
${commands.map(writeCommand).join('\n')}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "$arguments" -- "$word")) ;;
  esac
}
complete -o bashdefault -o default -F _tablao tablao
`;
}

type Owner = Pick<CommandWords, 'name' | 'options'>;

/** After an option with few values. */
function writeChoices({ name, options }: Owner): string[] {
  return options.flatMap(({ name: option, values }) =>
    Array.isArray(values)
      ? [`    '${name} ${option}') COMPREPLY=($(compgen -W '${values.join(' ')}' -- "$word")); return ;;`]
      : [],
  );
}

/** After these comes something of the user's own, or a file. */
function listOthers({ name, options }: Owner): string[] {
  return options.flatMap(({ name: option, values }) =>
    values === null || Array.isArray(values) ? [] : [`'${name} ${option}'`],
  );
}

function writeCommand({ name, options, argument }: CommandWords): string {
  const words = Array.isArray(argument) ? ` arguments='${argument.join(' ')}'` : '';
  return `    ${name}) options='${namesOf(options)}'${words} ;;`;
}

function namesOf(options: readonly OptionWords[]): string {
  return options.map(({ name }) => name).join(' ');
}

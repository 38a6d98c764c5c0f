import { type CommandWords, type OptionWords, type ProgramWords, quote, type Values } from './words.ts';

export function writeFish({ options, commands }: ProgramWords): string {
  const lines = [
    '# In ~/.config/fish/config.fish: tablao completion fish | source',
    'complete -c tablao -f',
    ...commands.map(({ name, summary }) => offer('__fish_use_subcommand', `-a ${name}`, summary)),
    ...options.map((option) => writeOption('__fish_use_subcommand', option)),
    ...commands.flatMap(writeCommand),
  ];
  return `${lines.join('\n')}\n`;
}

function writeCommand({ name, options, argument }: CommandWords): string[] {
  const condition = `__fish_seen_subcommand_from ${name}`;
  const words = argument === null || argument === 'anything' ? [] : [offer(condition, writeValues(argument))];
  return [...options.map((option) => writeOption(condition, option)), ...words];
}

function writeOption(condition: string, { name, description, values }: OptionWords): string {
  const what = `-l ${name.slice(2)}`;
  if (values === null) return offer(condition, what, description);
  return offer(condition, `${what} -r ${writeValues(values)}`.trim(), description);
}

function writeValues(values: Values): string {
  if (values === 'file') return '-F';
  return values === 'anything' ? '-f' : `-f -a ${quote(values.join(' '))}`;
}

function offer(condition: string, what: string, description?: string): string {
  const text = description === undefined ? '' : ` -d ${quote(description)}`;
  return `complete -c tablao -n ${quote(condition)} ${what}${text}`;
}

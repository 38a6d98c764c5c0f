import { type Command, InvalidArgumentError, Option } from 'commander';

/** What every command takes. */
export interface GlobalFlags {
  readonly gateway: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

export const DEFAULT_GATEWAY = 'http://127.0.0.1:4000';

const KEYS = ['gateway', 'tokenFile', 'json'] as const satisfies readonly (keyof GlobalFlags)[];

function globalOptions(): Option[] {
  return [
    new Option('--gateway <url>', 'address of the gateway').argParser(readAddress),
    new Option('--token-file <file>', 'file with the token to send'),
    new Option('--json', 'answer in JSON, for programs'),
  ];
}

/** Before the command: `tablao --gateway URL jobs`. Defaults and environment are the command's own. */
export function addGlobalOptions(program: Command): void {
  for (const option of globalOptions()) program.addOption(option);
}

/** These bring a gateway of their own: they take the options like every command, and do not speak of them. */
const WITH_OWN_GATEWAY = ['serve', 'demo'];

/** After the command: `tablao jobs --gateway URL`. A command that says more about one of them keeps its own. */
export function addMissingGlobalOptions(command: Command): void {
  for (const option of globalOptions()) {
    if (command.options.some(({ long }) => long === option.long)) continue;
    if (option.long === '--gateway') option.env('TABLAO_GATEWAY').default(DEFAULT_GATEWAY);
    if (option.long === '--token-file') option.env('TABLAO_TOKEN_FILE');
    if (option.long !== '--json' && WITH_OWN_GATEWAY.includes(command.name())) option.hideHelp();
    command.addOption(option);
  }
}

/** What was given before the command holds, unless it is given again after it. */
export function passGlobalOptionsOn(program: Command, command: Command): void {
  for (const key of KEYS) {
    const isGiven = program.getOptionValueSource(key) === 'cli';
    if (isGiven) command.setOptionValueWithSource(key, program.getOptionValue(key), 'cli');
  }
}

function readAddress(value: string): string {
  if (!URL.canParse(value) || !/^https?:\/\//.test(value)) {
    throw new InvalidArgumentError(`Write it as ${DEFAULT_GATEWAY}.`);
  }
  return value.replace(/\/+$/, '').replace(/\/graphql$/, '');
}

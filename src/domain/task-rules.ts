import type { Command } from './command.ts';
import { findCommandFault } from './commands.ts';
import { FrameRangeError, formatFrameRange, MAX_FRAMES, parseFrameRange } from './frame-range.ts';
import { type CompiledTask, MAX_TASKS } from './job-type.ts';
import { findJsonFault } from './json-fault.ts';

/** One mistake in a loop makes thousands of faults. */
const MAX_FAULTS = 10;
const MAX_NAME_LENGTH = 200;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Tasks out of whatever a job type of somebody's own made, with what may be left out filled in; or what is wrong with them,
 * a sentence each.
 *
 * @param taskTypes what the job type says that it makes
 */
export function readTasks(
  given: unknown,
  taskTypes: readonly string[],
): { readonly tasks: readonly CompiledTask[] } | { readonly faults: readonly string[] } {
  if (!Array.isArray(given)) return { faults: [`compile must give a list of tasks, not ${describe(given)}.`] };
  if (given.length === 0 || given.length > MAX_TASKS)
    return { faults: [`These settings make ${count(given.length)} tasks; a job has 1 to ${count(MAX_TASKS)}.`] };
  const tasks: CompiledTask[] = [];
  const faults: string[] = [];
  let frames = 0;
  for (const [index, item] of given.entries()) {
    if (faults.length >= MAX_FAULTS) break;
    const result = readTask(item, index, taskTypes);
    if ('fault' in result) faults.push(`tasks[${index}] ${result.fault}.`);
    else {
      tasks.push(result.task);
      frames += result.frameCount;
    }
  }
  if (frames > MAX_FRAMES)
    faults.push(`These settings make ${count(frames)} frames; a job has at most ${count(MAX_FRAMES)}.`);
  return faults.length > 0 ? { faults } : { tasks };
}

type TaskResult = { readonly task: CompiledTask; readonly frameCount: number } | { readonly fault: string };

const KEYS = ['name', 'type', 'frames', 'commands', 'dependsOn'];

function readTask(item: unknown, index: number, taskTypes: readonly string[]): TaskResult {
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    return { fault: `must be a task, not ${describe(item)}` };
  const { name, type, frames = null, commands, dependsOn = [] } = item as Record<string, unknown>;
  const unknown = Object.keys(item).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) return { fault: `has an unknown field "${unknown}"; a task has ${KEYS.join(', ')}` };
  if (
    typeof name !== 'string' ||
    name === '' ||
    name.length > MAX_NAME_LENGTH ||
    CONTROL_CHARACTER.test(name) ||
    !name.isWellFormed()
  )
    return {
      fault: `must have a name of 1–${MAX_NAME_LENGTH} characters without control characters, not ${describe(name)}`,
    };
  const at = `("${name}")`;
  if (typeof type !== 'string' || !taskTypes.includes(type))
    return { fault: `${at} must have a type out of taskTypes (${taskTypes.join(', ')}), not ${describe(type)}` };
  const numbers = readFrames(frames);
  if (typeof numbers === 'string') return { fault: `${at} has wrong frames: ${numbers}` };
  const fault = findCommandsFault(commands) ?? findDependencyFault(dependsOn, index);
  if (fault !== null) return { fault: `${at} ${fault}` };
  const task = {
    name,
    type,
    frames: numbers === null ? null : formatFrameRange(numbers),
    commands: commands as Command[],
    dependsOn: dependsOn as number[],
  };
  return { task, frameCount: numbers?.length ?? 0 };
}

/** A text says what is wrong. */
function readFrames(frames: unknown): readonly number[] | null | string {
  if (frames === null) return null;
  if (typeof frames !== 'string') return `give them as text ("1-10"), or null, not ${describe(frames)}`;
  try {
    return parseFrameRange(frames);
  } catch (error) {
    if (error instanceof FrameRangeError) return error.message.replace(/\.$/, '');
    throw error;
  }
}

function findCommandsFault(commands: unknown): string | null {
  if (!Array.isArray(commands) || commands.length === 0)
    return `must have a list of commands, not ${describe(commands)}`;
  for (const [index, command] of commands.entries()) {
    const at = `commands[${index}]`;
    const { name, parameters = {}, ...rest } = typeof command === 'object' && command !== null ? command : {};
    if (
      typeof name !== 'string' ||
      Object.keys(rest).length > 0 ||
      typeof parameters !== 'object' ||
      parameters === null
    )
      return `has a wrong command: ${at} must be { name, parameters }, not ${describe(command)}`;
    const fault = findJsonFault(parameters, `${at}.parameters`);
    if (fault !== null) return `has a command that cannot be stored: ${fault}`;
    const wrong = findCommandFault({ name, parameters });
    if (wrong !== null) return `has a wrong command: ${at} ${wrong}`;
  }
  return null;
}

/** Only on earlier tasks: so there can be no cycle. */
function findDependencyFault(dependsOn: unknown, index: number): string | null {
  if (!Array.isArray(dependsOn)) return `must depend on a list of task numbers, not ${describe(dependsOn)}`;
  const wrong: unknown = dependsOn.find((other) => !Number.isInteger(other) || other < 0 || other >= index);
  if (wrong === undefined) return null;
  return Number.isInteger(wrong) && (wrong as number) >= index
    ? `depends on tasks[${wrong}], which does not come before it: tasks depend on earlier ones of the list, so that there is no cycle`
    : `depends on ${describe(wrong)}, which is no number of a task`;
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'string')
    return `the text ${JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value)}`;
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

function count(value: number): string {
  return value.toLocaleString('en');
}

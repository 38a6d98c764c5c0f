import { type Action, describeAction } from './actions.ts';
import { makeEncoding } from './encoding.ts';
import type { Plan } from './plan.ts';
import { initialState, type State } from './state.ts';
import type { Rules, Walk } from './walk.ts';

/** The actions that lead from the first state through `keys`: found again, since symmetric states were counted once. */
export function describePath(plan: Plan, rules: Rules, keys: readonly string[]): string[] {
  const encoding = makeEncoding(plan);
  let state = initialState(plan);
  const lines = [describeState(state)];
  for (const key of keys.slice(1)) {
    const steps = rules.enabledActions(state).map((action) => ({ action, state: rules.apply(state, action).state }));
    const step = steps.find((candidate) => encoding.encode(candidate.state) === key);
    if (!step) return [...lines, '(the rest of the way could not be found again)'];
    state = step.state;
    lines.push(describeStep(step.action, state));
  }
  return lines;
}

export function describeStep(action: Action, state: State): string {
  return `${describeAction(action)}  ⇒  ${describeState(state)}`;
}

export function describeState({ job, tasks }: State): string {
  const words = tasks.map((task) => {
    const more = [
      task.status === 'canceled' && task.reason,
      task.failedAttempts > 0 && `failed ${task.failedAttempts}×`,
      task.stop && `told ${task.stop.order} (${task.stop.reason})`,
      task.mayComeBack && 'may come back',
      task.backsOff && 'backs off',
    ].filter((word) => typeof word === 'string');
    return more.length > 0 ? `${task.status} [${more.join(', ')}]` : task.status;
  });
  return `job ${job.status}; tasks ${words.join(', ')}`;
}

/** One line for each walk: its plan, its states, its edges. */
export function describeWalks(walks: readonly Walk[]): string {
  const rows = walks.map(({ plan, states, edges }) => [plan.name, count(states), count(edges)]);
  const sum = (of: 'states' | 'edges') => count(walks.reduce((total, each) => total + each[of], 0));
  const all = [['plan', 'states', 'edges'], ...rows, ['together', sum('states'), sum('edges')]];
  const width = (column: number) => Math.max(...all.map((row) => row[column]!.length));
  return all
    .map(([name, ...numbers]) =>
      [name!.padEnd(width(0)), ...numbers.map((number, column) => number.padStart(width(column + 1)))].join('  '),
    )
    .join('\n');
}

function count(number: number): string {
  return number.toLocaleString('en');
}

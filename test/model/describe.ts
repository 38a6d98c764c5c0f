import { type Action, describeAction } from './actions.ts';
import { makeEncoding } from './encoding.ts';
import type { Plan } from './plan.ts';
import { type Rules, takeStep } from './rules.ts';
import { initialState, type State } from './state.ts';
import type { Walk } from './walk.ts';

/** The way from the first state through `keys`: found again, since symmetric states were counted once. */
export function retrace(plan: Plan, rules: Rules, keys: readonly string[]): { lines: string[]; state: State } {
  const encoding = makeEncoding(plan);
  let state = initialState(plan);
  const lines = [describeState(state)];
  for (const key of keys.slice(1)) {
    for (const action of rules.enabledActions(state)) {
      const { step } = takeStep(rules, state, action);
      if (!step || encoding.encode(step.state) !== key) continue;
      state = step.state;
      lines.push(describeStep(action, state));
      break;
    }
  }
  return { lines, state };
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
  const total = walks.length > 1 ? [['together', sum('states'), sum('edges')]] : [];
  const all = [['plan', 'states', 'edges'], ...rows, ...total];
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

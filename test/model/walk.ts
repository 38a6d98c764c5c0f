import type { JobStatus } from '../../src/domain/job-status.ts';
import type { TaskStatus } from '../../src/domain/task-status.ts';
import { type Action, isWorkerEvent } from './actions.ts';
import { describeChange } from './check-records.ts';
import { describeStep, retrace } from './describe.ts';
import { makeEncoding } from './encoding.ts';
import type { Step } from './model.ts';
import type { Plan } from './plan.ts';
import { type Rules, takeStep } from './rules.ts';
import { initialState, type State } from './state.ts';

export interface Walk {
  readonly plan: Plan;
  readonly states: number;
  readonly edges: number;
  /** What is wrong, each with the shortest way to it. */
  readonly findings: readonly string[];
  readonly met: Met;
}

/** What a walk came by. */
export interface Met {
  readonly jobStatuses: Set<JobStatus>;
  readonly taskStatuses: Set<TaskStatus>;
  /** Every recorded change, as `queued → active`. */
  readonly changes: Readonly<Record<Step['records'][number]['kind'], Set<string>>>;
  /** Which statuses of job and task were met together, as `active: soft-failed`, `active: active, being canceled`. */
  readonly pairs: Set<string>;
}

/** More of them say nothing new: one broken rule shows itself in thousands of states. */
const MAX_FINDINGS = 5;

/** Visits every state that can be reached, breadth first, takes every action from it, and checks both. */
export function walk(plan: Plan, rules: Rules): Walk {
  const encoding = makeEncoding(plan);
  const graph = new Graph(encoding.encode(initialState(plan)));
  const met = meetNothing();
  const finished: number[] = [];
  const findings: string[] = [];
  let edges = 0;

  const report = (what: string, lines: readonly string[]) => {
    if (findings.length < MAX_FINDINGS) findings.push(`${plan.name}: ${what}\n  ${lines.join('\n  ')}`);
  };
  const reportState = (what: string, number: number) => report(what, retrace(plan, rules, graph.pathTo(number)).lines);
  const reportStep = (number: number, { kind }: Action) => {
    const { lines, state } = retrace(plan, rules, graph.pathTo(number));
    // The way may have led to a state that is only symmetric to the one in which it was noticed.
    for (const action of rules.enabledActions(state)) {
      const { wrong, step } = takeStep(rules, state, action);
      if (wrong && action.kind === kind) return report(wrong, [...lines, describeStep(action, step?.state ?? state)]);
    }
  };

  for (let number = 0; number < graph.keys.length && findings.length < MAX_FINDINGS; number++) {
    const state = encoding.decode(graph.keys[number]!);
    if (/^(completed|failed|canceled)$/.test(state.job.status)) finished.push(number);
    noteStatuses(met, state);
    for (const action of rules.enabledActions(state)) {
      edges += 1;
      const { wrong, step } = takeStep(rules, state, action);
      if (wrong) reportStep(number, action);
      // What follows from a broken state is no news.
      if (wrong || !step || step.refusal) continue;
      for (const { kind, from, to } of step.records) met.changes[kind].add(describeChange(from, to));
      graph.addEdge(number, encoding.encode(step.state), isWorkerEvent(action));
    }
  }

  if (findings.length === 0)
    for (const number of graph.findDeadEnds(finished)) reportState('workers alone cannot end the job', number);
  return { plan, states: graph.keys.length, edges, findings, met };
}

/** States by number in the order in which they were met, and what leads to what. */
class Graph {
  readonly keys: string[];
  private readonly numbers: Map<string, number>;
  /** From which state each was met first: along these the way to it is shortest. */
  private readonly parents = [-1];
  /** For each state those from which workers alone come to it in one step. */
  private readonly sources: number[][] = [[]];

  constructor(first: string) {
    this.keys = [first];
    this.numbers = new Map([[first, 0]]);
  }

  addEdge(from: number, key: string, isByWorkers: boolean): void {
    let to = this.numbers.get(key);
    if (to === undefined) {
      to = this.keys.length;
      this.numbers.set(key, to);
      this.keys.push(key);
      this.parents.push(from);
      this.sources.push([]);
    }
    if (isByWorkers) this.sources[to]!.push(from);
  }

  /** The keys of the states on the way from the first one, both ends included. */
  pathTo(number: number): string[] {
    const path = [];
    for (let at = number; at >= 0; at = this.parents[at]!) path.unshift(this.keys[at]!);
    return path;
  }

  /** The states from which workers alone reach none of the goals. */
  findDeadEnds(goals: readonly number[]): number[] {
    const reached = new Set(goals);
    const pending = [...goals];
    for (let number = pending.pop(); number !== undefined; number = pending.pop())
      for (const source of this.sources[number]!)
        if (!reached.has(source)) {
          reached.add(source);
          pending.push(source);
        }
    return [...this.keys.keys()].filter((number) => !reached.has(number));
  }
}

function meetNothing(): Met {
  return {
    jobStatuses: new Set(),
    taskStatuses: new Set(),
    changes: { job: new Set(), task: new Set(), deletion: new Set() },
    pairs: new Set(),
  };
}

function noteStatuses({ jobStatuses, taskStatuses, pairs }: Met, { job, tasks }: State): void {
  jobStatuses.add(job.status);
  for (const { status, stop } of tasks) {
    taskStatuses.add(status);
    pairs.add(`${job.status}: ${status}${stop?.order === 'CANCELED' ? ', being canceled' : ''}`);
  }
}

/** What several walks came by together. */
export function mergeMet(walks: readonly Walk[]): Met {
  const all = meetNothing();
  for (const { met } of walks) {
    for (const status of met.jobStatuses) all.jobStatuses.add(status);
    for (const status of met.taskStatuses) all.taskStatuses.add(status);
    for (const pair of met.pairs) all.pairs.add(pair);
    for (const kind of ['job', 'task', 'deletion'] as const)
      for (const change of met.changes[kind]) all.changes[kind].add(change);
  }
  return all;
}

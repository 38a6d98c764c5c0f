import { type Action, enabledActions, enabledBatches } from './actions.ts';
import { findBrokenRule } from './check-step.ts';
import { apply, type Step } from './model.ts';
import type { State } from './state.ts';

/** The rules that are walked: the domain's, unless a test breaks some to see that it is noticed. */
export interface Rules {
  enabledActions(state: State): Action[];
  apply(state: State, action: Action): Step;
}

export const ONE_BY_ONE: Rules = { enabledActions, apply };

/** Reports of two workers in one transaction as well: the job is settled once, after both. */
export const WITH_BATCHES: Rules = {
  enabledActions: (state) => [...enabledActions(state), ...enabledBatches(state)],
  apply,
};

/** One step, and what is wrong with it or with the state that it leads to. */
export function takeStep(rules: Rules, state: State, action: Action): { step: Step | null; wrong: string | null } {
  try {
    const step = rules.apply(state, action);
    return { step, wrong: findBrokenRule(state, action, step) };
  } catch (error) {
    return { step: null, wrong: `the domain threw: ${error instanceof Error ? error.message : error}` };
  }
}

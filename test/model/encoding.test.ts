import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { enabledActions } from './actions.ts';
import { type Encoding, makeEncoding } from './encoding.ts';
import { apply } from './model.ts';
import { findSymmetries, planOf, SHAPES, type Shape } from './plan.ts';
import { initialState, type State } from './state.ts';

const shapes = Object.keys(SHAPES) as Shape[];

/** The states that can follow, as the walk sees them. */
function encodeNext(encoding: Encoding, state: State): string[] {
  return enabledActions(state)
    .map((action) => `${action.kind} ${encoding.encode(apply(state, action).state)}`)
    .sort();
}

describe('an encoded state', () => {
  it.each(shapes)('leaves out nothing that what follows depends on, in a job of %s', (shape) => {
    const plan = planOf(shape, 3, 'two');
    const encoding = makeEncoding(plan);
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 40 }), (choices) => {
        let state = initialState(plan);
        for (const choice of choices) {
          const actions = enabledActions(state);
          if (actions.length > 0) state = apply(state, actions[choice % actions.length]!).state;
        }
        const key = encoding.encode(state);
        expect(encoding.encode(encoding.decode(key))).toBe(key);
        expect(encodeNext(encoding, encoding.decode(key))).toEqual(encodeNext(encoding, state));
      }),
    );
  });

  // biome-ignore format: one shape per line
  it.each([
    { shape: 'two frames and a video', symmetries: 2 },
    { shape: 'a chain of three',       symmetries: 1 },
    { shape: 'three independent',      symmetries: 6 },
    { shape: 'one edge',               symmetries: 1 },
    { shape: 'a diamond of four',      symmetries: 2 },
    { shape: 'a chain of four',        symmetries: 1 },
  ] as const)('counts $shape in $symmetries symmetric forms once', ({ shape, symmetries }) => {
    const plan = planOf(shape, 2, 'one');
    const forms = findSymmetries(plan);
    expect(forms).toHaveLength(symmetries);
    const { encode } = makeEncoding(plan);
    let state = initialState(plan);
    state = apply(state, { kind: 'claim', task: 0 }).state;
    state = apply(state, { kind: 'complete', task: 0 }).state;
    const keys = forms.map((to) => encode({ ...state, tasks: to.map((task) => state.tasks[task]!) }));
    expect(new Set(keys).size).toBe(1);
  });
});

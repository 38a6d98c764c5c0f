import { afterAll, expect, it } from 'vitest';
import { describeWalks } from './describe.ts';
import { planOf } from './plan.ts';
import { ONE_BY_ONE } from './rules.ts';
import { type Walk, walk } from './walk.ts';

const walks: Walk[] = [];

it('no reachable state of a diamond of four breaks a rule or is a dead end', { timeout: 120_000 }, () => {
  walks.push(walk(planOf('a diamond of four', 2, 'one'), ONE_BY_ONE));
  expect(walks[0]?.findings.join('\n')).toBe('');
});

afterAll(() => console.log(describeWalks(walks)));

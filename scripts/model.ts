/**
 * `npm run model`: walks the status model of every shape with two and three attempts and every failure limit, with reports
 * alone and in pairs, and prints how many states and edges that is. `npm test` walks the smaller part of it.
 * Takes about ten minutes. Exit code 1 and the ways to what is wrong when something is.
 */
import { describeWalks } from '../test/model/describe.ts';
import { FAILURE_LIMITS, type FailureLimit, planOf, SHAPES, type Shape } from '../test/model/plan.ts';
import { WITH_BATCHES } from '../test/model/rules.ts';
import { type Walk, walk } from '../test/model/walk.ts';

const walks: Walk[] = [];
for (const shape of Object.keys(SHAPES) as Shape[])
  for (const maxAttempts of [2, 3])
    for (const limit of Object.keys(FAILURE_LIMITS) as FailureLimit[]) {
      const done = walk(planOf(shape, maxAttempts, limit), WITH_BATCHES);
      console.error(`${done.plan.name}: ${done.findings.length === 0 ? 'holds' : 'does not hold'}`);
      walks.push(done);
    }

console.log(describeWalks(walks));
const findings = walks.flatMap((done) => done.findings);
if (findings.length > 0) {
  console.log(findings.join('\n'));
  process.exitCode = 1;
}

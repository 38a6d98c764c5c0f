#!/usr/bin/env node
import { findNodeFault } from './cli/node-version.ts';

const fault = findNodeFault(process.versions.node);
if (fault === null) {
  // Only now: whatever it imports needs that Node.
  const { runProgram } = await import('./cli/program.ts');
  await runProgram(process.argv.slice(2));
} else {
  process.stderr.write(`${fault}\n`);
  process.exitCode = 1;
}

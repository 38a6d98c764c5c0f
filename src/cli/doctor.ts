import { Command } from 'commander';
import type { Finding } from './doctor/finding.ts';
import { examineGateway, type FarmWorker } from './doctor/gateway.ts';
import { examineMachine } from './doctor/machine.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { chooseGateway } from './gateway.ts';
import type { GlobalFlags } from './global-options.ts';
import { paint, type Style } from './text.ts';
import { addMachineOptions, type MachineFlags } from './worker-options.ts';

interface Flags extends GlobalFlags, MachineFlags {}

const SIGNS = {
  good: { sign: '✓', style: 'green' },
  note: { sign: '!', style: 'yellow' },
  fault: { sign: '✗', style: 'red' },
} as const satisfies Record<Finding['state'], { sign: string; style: Style }>;

/** `tablao doctor`: what is wrong here, and how to mend it. */
export function doctorCommand(): Command {
  const command = new Command('doctor')
    .description('Look for Blender and for the gateway; say what is wrong, and how to mend it.')
    .addHelpText('after', '\nExit code 1 when something must be mended.')
    .action(examine);
  return addMachineOptions(command);
}

async function examine(flags: Flags): Promise<void> {
  const [machine, { findings, workers }] = await Promise.all([
    examineMachine(flags),
    examineGateway(chooseGateway(flags)),
  ]);
  const node: Finding = { subject: 'Node.js', state: 'good', message: process.versions.node };
  const all = [node, ...(hasRenderer(workers) ? machine.map(easeMissing) : machine), ...findings];
  process.stdout.write(flags.json ? `${JSON.stringify(all)}\n` : describe(all));
  process.exitCode = all.some(({ state }) => state === 'fault') ? EXIT_CODES.failed : EXIT_CODES.done;
}

function hasRenderer(workers: readonly FarmWorker[]): boolean {
  return workers.some(({ status, taskTypes }) => status === 'AWAKE' && taskTypes.includes('blender'));
}

/** Where others render, this machine may do without Blender. */
function easeMissing(finding: Finding): Finding {
  if (finding.subject !== 'Blender' || finding.state !== 'fault') return finding;
  return { ...finding, state: 'note', message: `${finding.message}; needed only if this machine is to render` };
}

function describe(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ subject }) => subject.length));
  const lines = findings.flatMap(({ subject, state, message, remedy }) => {
    const { sign, style } = SIGNS[state];
    const line = `${paint(style, sign)} ${subject.padEnd(width)}  ${message}`;
    return remedy === undefined ? [line] : [line, `  ${' '.repeat(width)}  → ${remedy}`];
  });
  const faults = findings.filter(({ state }) => state === 'fault').length;
  const end = faults === 0 ? 'All is well.' : `${faults === 1 ? 'One thing' : `${faults} things`} to mend.`;
  return `${[...lines, '', end].join('\n')}\n`;
}

import { VERSION } from '../../server/version.ts';
import { CommandFailure } from '../command-failure.ts';
import { ask, describeUnreachable, type Gateway, operation, UNREACHABLE_REMEDY } from '../gateway.ts';
import { formatCount, toPlainText } from '../text.ts';
import type { Finding } from './finding.ts';

interface Farm {
  readonly workers: { readonly nodes: readonly FarmWorker[] };
  readonly jobs: { readonly nodes: readonly WaitingJob[] };
}

/** A worker, as far as it is asked about. */
export interface FarmWorker {
  readonly name: string;
  readonly status: string;
  readonly taskTypes: readonly string[];
}

interface WaitingJob {
  readonly id: string;
  readonly name: string;
  readonly waitingFor: readonly string[];
  readonly waitingNotes: readonly string[];
}

/** By itself: a gateway of another version may know nothing of the rest. */
const ABOUT = operation<{ farm: { version: string } }>('query About { farm { version } }');

const FARM = operation<Farm>(`
  query Farm {
    workers(first: 100) { nodes { name status taskTypes } }
    jobs(first: 100, filter: { statuses: [QUEUED, ACTIVE] }) { nodes { id name waitingFor waitingNotes } }
  }`);

const READY_MS = 10_000;
/** Of jobs that nobody can do; the others are like them. */
const MOST_JOBS = 5;

/** Whether the gateway is there and can serve, and whether what is on it can be done. */
export async function examineGateway(
  gateway: Gateway,
): Promise<{ findings: Finding[]; workers: readonly FarmWorker[] }> {
  const fault = await findFault(gateway);
  if (fault) return { findings: [fault], workers: [] };
  const findings: Finding[] = [];
  try {
    findings.push(judgeVersion(gateway, (await ask(gateway, ABOUT, {})).farm.version));
    const { workers, jobs } = await ask(gateway, FARM, {});
    findings.push(judgeWorkers(gateway, workers.nodes), ...judgeJobs(jobs.nodes));
    return { findings, workers: workers.nodes };
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    findings.push({ subject: 'Gateway', state: 'fault', message: error.message });
    return { findings, workers: [] };
  }
}

/** Why it does not serve; undefined when it does. */
async function findFault({ url }: Gateway): Promise<Finding | undefined> {
  const subject = 'Gateway';
  try {
    const response = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(READY_MS) });
    const { reasons } = (await response.json()) as { reasons?: readonly string[] };
    if (!Array.isArray(reasons)) throw new SyntaxError();
    if (response.ok) return undefined;
    const message = `${url} is there, but it cannot serve: ${reasons.join(' ')}`;
    return { subject, state: 'fault', message, remedy: 'Its log says more.' };
  } catch (error) {
    if (error instanceof SyntaxError)
      return {
        subject,
        state: 'fault',
        message: `what answers at ${url} is no Tablao gateway`,
        remedy: 'Name it with --gateway.',
      };
    return { subject, state: 'fault', message: describeUnreachable(url, error), remedy: UNREACHABLE_REMEDY };
  }
}

function judgeVersion({ url }: Gateway, version: string): Finding {
  const subject = 'Gateway';
  if (version === VERSION) return { subject, state: 'good', message: `${url} serves, version ${version}` };
  const message = `${url} serves, but with version ${version}; this is ${VERSION}`;
  return { subject, state: 'note', message, remedy: 'Where something is odd, use the same version everywhere.' };
}

function judgeWorkers({ url }: Gateway, workers: readonly FarmWorker[]): Finding {
  const awake = workers.filter(({ status }) => status === 'AWAKE');
  if (awake.length > 0)
    return { subject: 'Workers', state: 'good', message: `${awake.length} of ${workers.length} are awake` };
  const message =
    workers.length === 0
      ? 'there is none: nothing is rendered'
      : `none of ${workers.length} is awake: nothing is rendered`;
  const remedy = `Start one where Blender is: tablao worker --gateway ${url}`;
  return { subject: 'Workers', state: 'fault', message, remedy };
}

function judgeJobs(jobs: readonly WaitingJob[]): Finding[] {
  const stuck = jobs.filter(({ waitingFor }) => waitingFor.includes('NO_CAPABLE_WORKER'));
  const findings = stuck.slice(0, MOST_JOBS).map(({ id, name, waitingNotes }): Finding => {
    const why = toPlainText(waitingNotes.join(' ')) || 'no worker can do what is left of it.';
    return {
      subject: 'Job',
      state: 'note',
      message: `"${toPlainText(name)}" waits: ${why}`,
      remedy: `Look at it: tablao job ${id}`,
    };
  });
  const rest = stuck.length - findings.length;
  if (rest > 0)
    findings.push({
      subject: 'Job',
      state: 'note',
      message: `${formatCount(rest, 'job')} more wait for a worker that can do them`,
    });
  return findings;
}

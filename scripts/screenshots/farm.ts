import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const PROGRAM = resolve(import.meta.dirname, '../../src/main.ts');
const AWAKE = '{ workers(filter: { statuses: [AWAKE] }) { nodes { id } } }';
/** What users have, unless it is taken. */
const USUAL_PORT = 4000;

/** A gateway with its worker, as `npm start` runs them. */
export interface Farm {
  readonly url: string;
  ask<Data>(query: string, variables?: Record<string, unknown>): Promise<Data>;
  /** The gateway stands still (and answers nothing) until `goOn`. */
  halt(): void;
  goOn(): void;
  stop(): Promise<void>;
}

export interface FarmOptions {
  /** For the database and the worker's state. */
  readonly folder: string;
  /** The program with which its worker renders. */
  readonly blender: string;
  /** Where a gateway was that comes back. */
  readonly port?: number;
  readonly options?: readonly string[];
}

/** Starts a gateway, and waits until its worker takes work. */
export async function startFarm({ folder, blender, port, options = [] }: FarmOptions): Promise<Farm> {
  const child = spawn(
    process.execPath,
    [
      ...[PROGRAM, 'serve', '--json', '--log-level', 'warn', '--data-dir', join(folder, 'data')],
      ...['--port', String(port ?? (await choosePort())), ...options],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TABLAO_BLENDER: blender } },
  );
  const ended = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once('line', (line) => resolve(JSON.parse(line).url));
    void ended.then(() => reject(new Error('The gateway ended at once.')));
  });
  async function ask<Data>(query: string, variables = {}): Promise<Data> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ query, variables });
    const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body });
    const { data, errors } = (await response.json()) as { data: Data; errors?: unknown };
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  }
  const isAwake = async () =>
    (await ask<{ workers: { nodes: object[] } }>(AWAKE)).workers.nodes.length > 0 || options.includes('--no-worker');
  while (!(await isAwake())) await sleep(100);
  return {
    url,
    ask,
    halt: () => void child.kill('SIGSTOP'),
    goOn: () => void child.kill('SIGCONT'),
    async stop() {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function choosePort(): Promise<number> {
  const server = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(USUAL_PORT, '127.0.0.1', () => resolve(true));
  });
  if (isFree) await new Promise((resolve) => server.close(resolve));
  return isFree ? USUAL_PORT : 0;
}

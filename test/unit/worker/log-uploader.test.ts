import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AppendLogInput, AppendLogResult } from '../../../src/worker/gateway-client.ts';
import { GatewayUnavailable } from '../../../src/worker/gateway-client.ts';
import { LogSpool } from '../../../src/worker/log-spool.ts';
import { LogUploader } from '../../../src/worker/log-uploader.ts';
import { Session } from '../../../src/worker/session.ts';
import { silentLogger } from '../../support/command-context.ts';
import { FakeGateway } from '../../support/fake-gateway.ts';

let folder: string;
let spool: LogSpool;
let gateway: FakeGateway;
let session: Session;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tablao-upload-'));
  spool = new LogSpool(join(folder, 'a.log'));
  gateway = new FakeGateway();
  const signal = new AbortController().signal;
  const input = {
    version: '0',
    protocol: 1,
    taskTypes: [],
    tags: [],
    blenderVersions: [],
    devices: [],
    offers: [],
    slots: 1,
  };
  session = new Session({ client: gateway, logger: silentLogger, signal }, input, () => {});
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Notes each chunk; `answer` may change what the gateway says. */
function upload(answer?: (input: AppendLogInput) => AppendLogResult | Error | undefined) {
  const chunks: AppendLogInput[] = [];
  const client = {
    appendLog: async (input: AppendLogInput) => {
      chunks.push(input);
      const other = answer?.(input);
      if (other instanceof Error) throw other;
      return other ?? (await gateway.appendLog(input));
    },
  };
  return { chunks, uploader: new LogUploader({ client, session, logger: silentLogger }, 'token', spool) };
}

describe('the upload of a log', () => {
  it('is complete and in order, in chunks that split no character', async () => {
    const { chunks, uploader } = upload();
    const text = 'größer 🎬 '.repeat(30_000);
    spool.write(text);
    await spool.end();
    await uploader.finish();
    expect(gateway.logs.get('token')).toBe(text);
    expect(chunks.length).toBeGreaterThan(5);
    expect(chunks.every((chunk) => Buffer.byteLength(chunk.text) <= 65_536)).toBe(true);
  });

  it('gathers what comes within a moment into one chunk', async () => {
    const { chunks, uploader } = upload();
    spool.write('one\n');
    await spool.drained();
    spool.write('two\n');
    await spool.end();
    await uploader.finish();
    expect(chunks.map(({ text }) => text)).toEqual(['one\ntwo\n']);
  });

  it('goes on where the gateway says after an answer was lost', async () => {
    let calls = 0;
    const { uploader } = upload((input) => {
      calls += 1;
      if (calls > 1) return undefined;
      void gateway.appendLog(input);
      return new GatewayUnavailable('lost');
    });
    spool.write('once\n');
    await spool.end();
    await uploader.finish();
    expect(gateway.logs.get('token')).toBe('once\n');
  });

  it('signs on again when its session is unknown', async () => {
    let calls = 0;
    const { uploader } = upload(() => {
      calls += 1;
      return calls === 1 ? { __typename: 'SessionEndedError', message: '', reason: 'UNKNOWN' } : undefined;
    });
    spool.write('text\n');
    await spool.end();
    await uploader.finish();
    expect(gateway.signOns).toHaveLength(2);
    expect(gateway.logs.get('token')).toBe('text\n');
  });

  it.each([
    { __typename: 'AppendTaskLogSuccess', nextOffset: 10, truncated: true },
    { __typename: 'StaleAttemptError', message: '', attemptToken: 'token' },
  ] as const)('ends after $__typename that wants no more', async (result) => {
    const { chunks, uploader } = upload(() => result);
    spool.write('x'.repeat(500_000));
    await spool.end();
    await uploader.finish();
    await uploader.done;
    expect(chunks).toHaveLength(1);
  });
});

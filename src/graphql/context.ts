import { GraphQLError } from 'graphql';
import type { SyncDesk } from '../dispatch/sync-desk.ts';
import { ForbiddenError } from '../domain/errors.ts';
import type { FarmWorker } from '../domain/failure-policy.ts';
import type { JobTypeRegistry } from '../domain/job-type-registry.ts';
import type { Feed } from '../feed/feed.ts';
import { byId, readTogether } from '../feed/read-together.ts';
import { inTransaction } from '../store/database.ts';
import { type Frame, readFramesOfOutputs } from '../store/frames.ts';
import { findWorkerByToken } from '../store/register-worker.ts';
import type { Store } from '../store/store.ts';
import { readTasksInVain } from '../store/tasks-in-vain.ts';
import { readFarm } from '../store/worker-rows.ts';

/** What the resolvers of a gateway share. */
export interface Gateway {
  readonly store: Store;
  readonly desk: SyncDesk;
  readonly jobTypes: JobTypeRegistry;
  readonly feed: Feed;
  readonly version: string;
}

/** Who asks. Until there are tokens for people, everyone without a worker's token is anonymous. */
export type Viewer = { readonly kind: 'anonymous' } | { readonly kind: 'worker'; readonly workerId: string };

/** What a resolver has at hand: the gateway, and one operation's own. */
export interface Context extends Gateway {
  readonly viewer: Viewer;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  /** The workers that take work now, read at most once an operation. */
  farm(): Promise<readonly FarmWorker[]>;
  /** The frame that an output is the file of; those that are asked for together are read together. */
  frameOfOutput(outputId: string): Promise<Frame | null>;
  /** Whether a task depends on a failed or canceled one; those that are asked for together are read together. */
  waitsInVain(taskId: string): Promise<boolean>;
  /** What is read for many objects at once; see readForSiblings. */
  readonly reading: Map<string, (id: string) => Promise<unknown>>;
}

/**
 * The context of one operation.
 *
 * @param caller `authorization` is `Bearer TOKEN`; without it the caller is anonymous.
 * @throws GraphQLError UNAUTHENTICATED when a token is given that nobody has.
 */
export async function createContext(
  gateway: Gateway,
  caller: { authorization: string | null; signal: AbortSignal },
): Promise<Context> {
  return makeContext(gateway, await recognise(gateway.store, caller.authorization), caller.signal);
}

function makeContext(gateway: Gateway, viewer: Viewer, signal: AbortSignal): Context {
  const { store } = gateway;
  let farm: Promise<readonly FarmWorker[]> | undefined;
  const taskInVain = readTogether(async (ids) => byId(await readTasksInVain(store.pool, ids)));
  return {
    ...gateway,
    viewer,
    signal,
    reading: new Map(),
    farm() {
      farm ??= inTransaction(store.pool, (client) => readFarm(client, new Date(store.now().getTime() - store.leaseMs)));
      return farm;
    },
    frameOfOutput: readTogether(async (ids) => byId(await readFramesOfOutputs(store.pool, ids))),
    waitsInVain: async (taskId) => (await taskInVain(taskId)) !== null,
  };
}

/** The context of one more message of a subscription: what the one before has read is old. */
export function renewContext(context: Context): Context {
  return makeContext(context, context.viewer, context.signal);
}

/** The same text for callers who get the same answers. */
export function keyOfViewer({ viewer }: Context): string {
  return JSON.stringify(viewer);
}

/** How the event feed names who did it. */
export function actorOf(context: Context): string {
  return context.viewer.kind === 'worker' ? 'worker' : 'anonymous';
}

/**
 * The worker that calls. Its session must be its own.
 *
 * @throws GraphQLError UNAUTHENTICATED without a token, ForbiddenError with that of somebody else
 */
export function requireWorker(context: Context): string {
  if (context.viewer.kind !== 'worker')
    throw unauthenticated('A worker sends its token: Authorization: Bearer TOKEN (registerWorker gives one).');
  return context.viewer.workerId;
}

/** The number of the caller's own session. */
export function requireSession(context: Context, sessionId: string): { workerId: string; sessionNumber: number } {
  const workerId = requireWorker(context);
  const session = decodeSessionId(sessionId);
  if (session && session.workerId !== workerId)
    throw new ForbiddenError('This is the session of another worker.', 'WORKER');
  // A number that no session has yet: the store answers UNKNOWN.
  return session ?? { workerId, sessionNumber: Number.MAX_SAFE_INTEGER };
}

export function encodeSessionId(workerId: string, sessionNumber: number): string {
  return Buffer.from(`Session:${workerId}:${sessionNumber}`).toString('base64url');
}

function decodeSessionId(id: string): { workerId: string; sessionNumber: number } | null {
  const match = /^Session:([0-9a-f-]{36}):(\d{1,9})$/.exec(Buffer.from(id, 'base64url').toString());
  return match ? { workerId: match[1]!, sessionNumber: Number(match[2]) } : null;
}

async function recognise(store: Store, authorization: string | null): Promise<Viewer> {
  if (!authorization) return { kind: 'anonymous' };
  const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  const workerId = token && (await findWorkerByToken(store, token));
  if (!workerId) throw unauthenticated('Nobody here has this token.');
  return { kind: 'worker', workerId };
}

function unauthenticated(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'UNAUTHENTICATED', http: { status: 401 } } });
}

import type { Logger } from 'pino';
import { z } from 'zod';
import { SetupError } from '../domain/setup-error.ts';
import { retryWhileUnavailable } from './back-off.ts';
import { GatewayRefusal, GatewayUnavailable, type Refusal } from './gateway-client.ts';
import { REGISTER_WORKER } from './gateway-documents.ts';
import { type GraphQLResponse, toGatewayError } from './gateway-errors.ts';
import { readJson, type StateDirectory, writeJson } from './state-directory.ts';
import { endpointOf } from './websocket-gateway.ts';

/** Who this worker is at one gateway. The token is a secret. */
const Registration = z.object({ gateway: z.string(), workerId: z.string(), name: z.string(), token: z.string() });
export type Registration = z.infer<typeof Registration>;

export interface RegistrationRequest {
  readonly gateway: string;
  readonly name: string;
  readonly registrationToken?: string;
}

const ANSWER_MS = 15_000;

/**
 * Registers once and remembers it in the state directory; another gateway's address is another registration.
 * Waits for a gateway that is not there yet.
 * @throws SetupError when the gateway refuses
 */
export async function ensureRegistered(
  request: RegistrationRequest,
  state: StateDirectory,
  logger: Logger,
  signal: AbortSignal,
): Promise<Registration> {
  const known = Registration.safeParse(readJson(state.registration)).data;
  if (known !== undefined && known.gateway === request.gateway) return known;
  const registration = await retryWhileUnavailable(() => register(request, signal), { logger, signal });
  writeJson(state.registration, registration);
  logger.info({ worker: registration.workerId }, `registered as "${registration.name}"`);
  return registration;
}

interface Registered {
  readonly __typename: 'RegisterWorkerSuccess';
  readonly token: string;
  readonly worker: { readonly id: string; readonly name: string };
}

async function register(request: RegistrationRequest, signal: AbortSignal): Promise<Registration> {
  const { gateway, name, registrationToken } = request;
  const input = { name, platform: process.platform, registrationToken };
  const response = await post(gateway, { query: REGISTER_WORKER, variables: { input } }, signal);
  const result = response.data?.registerWorker as Registered | Refusal | undefined;
  if (result === undefined || result === null) {
    const error = toGatewayError(response, 'registerWorker');
    if (error instanceof GatewayRefusal) throw new SetupError(`The gateway ${gateway} refused: ${error.message}`);
    throw error;
  }
  if (result.__typename !== 'RegisterWorkerSuccess') {
    throw new SetupError(`The gateway ${gateway} refused to register "${name}": ${result.message}`);
  }
  return { gateway, workerId: result.worker.id, name: result.worker.name, token: result.token };
}

/** Plain HTTP: there is no token yet for a socket of its own. */
async function post(gateway: string, body: unknown, signal: AbortSignal): Promise<GraphQLResponse> {
  let response: Response;
  try {
    response = await fetch(endpointOf(gateway), {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    });
  } catch (error) {
    signal.throwIfAborted();
    const { cause } = error as Error;
    throw new GatewayUnavailable(cause instanceof Error ? cause.message || String(cause) : (error as Error).message);
  }
  const text = await response.text();
  try {
    return JSON.parse(text) as GraphQLResponse;
  } catch {
    throw new GatewayUnavailable(`HTTP ${response.status} from ${endpointOf(gateway)}, and no GraphQL answer`);
  }
}

import { readFileSync } from 'node:fs';
import { CommandFailure } from './command-failure.ts';
import type { GlobalFlags } from './global-options.ts';

/** Where a command finds the gateway, and as whom. */
export interface Gateway {
  /** Base address, as `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly token?: string;
}

/** An operation with the shapes of what goes in and what comes back. Written by hand; the tests run every one. */
export interface Operation<Data, Variables> {
  readonly query: string;
  /** Only for the compiler. */
  readonly shapes?: (variables: Variables) => Data;
}

/** Larger than what a gateway may take for a job of 100,000 tasks. */
const ANSWER_MS = 60_000;

/** @throws CommandFailure when the token's file cannot be read */
export function chooseGateway({ gateway, tokenFile }: GlobalFlags): Gateway {
  if (tokenFile === undefined) return { url: gateway };
  try {
    return { url: gateway, token: readFileSync(tokenFile, 'utf8').trim() };
  } catch (error) {
    throw new CommandFailure(`The token file ${tokenFile} cannot be read: ${(error as Error).message}.`);
  }
}

export function operation<Data, Variables extends object = Record<string, never>>(
  query: string,
): Operation<Data, Variables> {
  return { query };
}

/**
 * Runs a query or a mutation over HTTP.
 *
 * @throws CommandFailure when the gateway is not there, or answers with errors
 */
export async function ask<Data, Variables extends object>(
  gateway: Gateway,
  { query }: Operation<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const response = await post(gateway, { query, variables });
  const answer = await readAnswer<Data>(response, gateway);
  if (answer.errors?.length) throw new CommandFailure(answer.errors.map(({ message }) => message).join('\n'));
  if (!answer.data) throw new CommandFailure(`The gateway ${gateway.url} gave an empty answer.`);
  return answer.data;
}

async function post({ url, token }: Gateway, body: unknown): Promise<Response> {
  try {
    return await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json',
        ...(token && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  } catch (error) {
    throw new CommandFailure(explainUnreachable(url, error));
  }
}

interface Answer<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly { readonly message: string }[];
}

async function readAnswer<Data>(response: Response, { url }: Gateway): Promise<Answer<Data>> {
  const text = await response.text();
  try {
    const answer = JSON.parse(text) as Answer<Data>;
    if (typeof answer === 'object' && answer !== null && ('data' in answer || 'errors' in answer)) return answer;
  } catch {
    // Falls through: whatever it is, it is not GraphQL.
  }
  throw new CommandFailure(`${url} answers, but not as a Tablao gateway does (HTTP ${response.status}).`);
}

/** What to do when nobody answers. */
export const UNREACHABLE_REMEDY = 'Start one with "tablao serve", or name another with --gateway.';

/** Why nobody answers, in one line that says what to do. */
export function explainUnreachable(url: string, error: unknown): string {
  return `${describeUnreachable(url, error)} ${UNREACHABLE_REMEDY}`;
}

/** Why nobody answers. */
export function describeUnreachable(url: string, error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code, message } = cause as NodeJS.ErrnoException;
  const faults: Record<string, string> = {
    ECONNREFUSED: 'nothing listens there',
    ENOTFOUND: 'there is no such host',
    EAI_AGAIN: 'the host name cannot be looked up now',
    EHOSTUNREACH: 'the host cannot be reached',
    ENETUNREACH: 'the network cannot be reached',
    ECONNRESET: 'it hung up',
    UND_ERR_SOCKET: 'it hung up',
  };
  const isLate = cause instanceof Error && /^(TimeoutError|ConnectTimeoutError)$/.test(cause.name);
  const why = isLate ? 'it does not answer in time' : ((code && faults[code]) ?? message);
  return `Cannot reach the gateway ${url}: ${why}.`;
}

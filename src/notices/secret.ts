import { createHmac } from 'node:crypto';
import { SetupError } from '../domain/setup-error.ts';

/** A key of less gives less than the hash can. */
const LEAST_BYTES = 24;

/**
 * The key that a secret stands for: base64, with or without the prefix that the specification gives it.
 *
 * @throws SetupError
 */
export function readSecret(text: string, source: string): Buffer {
  const encoded = text.trim().replace(/^whsec_/, '');
  const key = Buffer.from(encoded, 'base64');
  const isBase64 = key.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '');
  if (isBase64 && key.length >= LEAST_BYTES) return key;
  throw new SetupError(
    `${source} holds no secret of at least ${LEAST_BYTES} bytes in base64: make one with "openssl rand -base64 32".`,
  );
}

/**
 * The headers by which a receiver knows that a message is ours and new (https://www.standardwebhooks.com).
 *
 * @param at when it is sent, which is part of what is signed
 */
export function signMessage(key: Buffer, { id, body }: { id: string; body: string }, at: Date): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

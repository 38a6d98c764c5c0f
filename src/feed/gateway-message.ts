import { parse, stringify } from 'uuid';
import { WAKE_ALL, type Wake } from './wake.ts';

/** What gateways on one database tell each other. */
export type GatewayMessage =
  /** I am here; answer, so that I know that you are. */
  | { readonly kind: 'hello' | 'here'; readonly sender: string }
  | { readonly kind: 'wake'; readonly sender: string; readonly wake: Wake };

/** PostgreSQL's NOTIFY takes less than 8,000 bytes. */
const MAX_BYTES = 7_900;
/** A uuid is 16 bytes: 22 characters. */
const ID_LENGTH = 22;

/** As short as it can be: 340 ids fit. With more it says that everything may have changed. */
export function writeMessage(message: GatewayMessage): string {
  if (message.kind !== 'wake') return `${message.kind} ${message.sender}`;
  const { sender, wake } = message;
  const lists = [wake.jobIds, wake.workerIds, wake.attemptIds].map((ids) => [...ids].map(shorten).join(''));
  const text = `wake ${sender} ${wake.mayHaveWork ? 'w' : '-'} ${lists.join(' ')}`;
  return wake.isEverything || text.length > MAX_BYTES ? `all ${sender}` : text;
}

/** Null for what is no message of ours: anybody with access to the database can send one. */
export function readMessage(text: string): GatewayMessage | null {
  const [kind, sender, work, ...lists] = text.split(' ');
  if (!sender) return null;
  if (kind === 'hello' || kind === 'here') return { kind, sender };
  if (kind === 'all') return { kind: 'wake', sender, wake: WAKE_ALL };
  if (kind !== 'wake' || lists.length !== 3) return null;
  try {
    const [jobIds, workerIds, attemptIds] = lists.map(readIds) as [Set<string>, Set<string>, Set<string>];
    return { kind, sender, wake: { jobIds, workerIds, attemptIds, mayHaveWork: work === 'w', isEverything: false } };
  } catch {
    return null;
  }
}

function shorten(id: string): string {
  return Buffer.from(parse(id)).toString('base64url');
}

function readIds(text: string): Set<string> {
  const ids = new Set<string>();
  for (let at = 0; at < text.length; at += ID_LENGTH)
    ids.add(stringify(Buffer.from(text.slice(at, at + ID_LENGTH), 'base64url')));
  return ids;
}

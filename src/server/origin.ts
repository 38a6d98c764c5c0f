import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { refuse } from './errors.ts';
import { formatHost, isLoopback } from './listen-address.ts';

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'];

/** The headers that tell who sent a request: a program that was pointed at this gateway, its own page, or a stranger's. */
export interface SenderHeaders {
  readonly host: string | null;
  readonly origin: string | null;
  readonly fetchSite: string | null;
  readonly fetchMode: string | null;
}

/** Undefined when the request may go on. */
export type SenderGuard = (headers: SenderHeaders) => Response | undefined;

/**
 * Keeps strangers' web pages from using the browser of someone who can reach the gateway. Three ways in, three bars:
 *
 * - DNS rebinding (a stranger's name that points here): the Host must be one of ours. Bound to loopback these are
 *   127.0.0.1, localhost and [::1], with our port. Bound to more, any IP address will do, because an address cannot be
 *   rebound and one behind NAT or a container is not to be found on our interfaces; and of the names those of
 *   loopback, the machine's and the one given as --host. Any port then: it may have been mapped.
 * - Requests with an Origin (forms, fetch, WebSocket): it must be the very host and port that was asked. So no other
 *   server of this machine either, and no `null` (sandboxed frames, files).
 * - Requests without one (images, scripts, links): browsers name them in Sec-Fetch-Site; only following a link is allowed.
 *
 * @param boundHost as given to `listen`
 * @param port asked each time, since port 0 becomes another when it is bound
 */
export function createSenderGuard(boundHost: string, port: () => number, machineName = hostname()): SenderGuard {
  const mayAsk = isLoopback(boundHost) ? guardLoopback(boundHost, port) : guardNetwork(boundHost, machineName);

  return ({ host, origin, fetchSite, fetchMode }) => {
    if (host === null || !mayAsk.isAllowed(host.toLowerCase())) {
      return refuse('FORBIDDEN', `The Host "${host ?? ''}" is refused; allowed: ${mayAsk.allowed()}.`);
    }
    if (origin !== null && !isSameHost(origin, host)) {
      return refuse('FORBIDDEN', `The Origin "${origin}" is refused; allowed: http://${host}, or none.`);
    }
    const isForeign = fetchSite === 'cross-site' || fetchSite === 'same-site';
    if (isForeign && fetchMode !== 'navigate') {
      return refuse('FORBIDDEN', `Sec-Fetch-Site "${fetchSite}" is refused; allowed: same-origin, none.`);
    }
    return undefined;
  };
}

interface HostRule {
  isAllowed(host: string): boolean;
  allowed(): string;
}

function guardLoopback(boundHost: string, port: () => number): HostRule {
  const names = [...new Set([...LOOPBACK_NAMES, formatHost(boundHost).toLowerCase()])];
  const hosts = () => names.flatMap((name) => (port() === 80 ? [name, `${name}:80`] : [`${name}:${port()}`]));
  return { isAllowed: (host) => hosts().includes(host), allowed: () => hosts().join(', ') };
}

function guardNetwork(boundHost: string, machineName: string): HostRule {
  const full = machineName.toLowerCase();
  const short = full.split('.')[0] ?? full;
  const given = isIP(boundHost) ? [] : [boundHost.toLowerCase()];
  const names = [...new Set(['localhost', short, full, `${short}.local`, ...given])];
  return {
    isAllowed(host) {
      const name = host.replace(/:\d+$/, '');
      return names.includes(name) || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
    },
    allowed: () => `any IP address, ${names.join(', ')}`,
  };
}

function isSameHost(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, host: originHost } = new URL(origin);
  if (protocol !== 'http:' && protocol !== 'https:') return false; // https: a proxy in front of us
  const asked = `${protocol}//${host}`; // through URL, which leaves out the scheme's own port on both sides
  return URL.canParse(asked) && new URL(asked).host === originHost;
}

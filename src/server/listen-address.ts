import { isIPv4, isIPv6 } from 'node:net';
import { SetupError } from '../domain/setup-error.ts';

/** Whether only programs of this machine reach the address. A name other than `localhost` may point anywhere. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.');
  return host.toLowerCase() === 'localhost' || host === '::1';
}

/**
 * Refuses to be reachable from elsewhere by accident.
 * @throws SetupError for any other host than this machine's own, unless everyone is let in on purpose.
 */
export function checkListenHost(host: string, allowAnonymous: boolean): void {
  if (isLoopback(host) || allowAnonymous) return;
  throw new SetupError(
    `Not listening on ${host}: whoever reaches that address could submit and cancel jobs without a token. ` +
      'Leave out --host to serve this machine only, or add --allow-anonymous to let everyone in.',
  );
}

/** As it stands in a URL: an IPv6 address in brackets. */
export function formatHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

/** Turns what `server.listen` reports into one line that says what to do. Other errors come back as they are. */
export function explainListenError(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return new SetupError(`Port ${port} of ${host} is taken: stop what uses it, or choose another with --port.`);
    case 'EACCES':
      return new SetupError(`Not allowed to listen on port ${port}: choose one from 1024 up with --port.`);
    case 'EADDRNOTAVAIL':
      return new SetupError(`This machine does not have the address ${host}: choose one of its own with --host.`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new SetupError(`The name ${host} is not known here: choose an address of this machine with --host.`);
    case 'ERR_SOCKET_BAD_PORT':
      return new SetupError(`There is no port ${port}: choose one from 1 to 65535 with --port.`);
    default:
      return error;
  }
}

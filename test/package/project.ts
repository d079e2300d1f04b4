import { execa } from 'execa';
import { globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PATIENCE_MS } from '../patience.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const inRoot = { cwd: root, preferLocal: true, localDir: root } as const;

// npm passes its settings to its scripts in variables, and an npm below would take them for its own.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_|_proxy$/i.test(name)),
);

/** Runs npm with nothing of this machine's settings: its configuration and its cache are in `home`. */
export async function npm(home: string, cwd: string, ...words: string[]): Promise<string> {
  const own = ['--userconfig', join(home, 'npmrc'), '--cache', join(home, 'cache')];
  const { stdout } = await execa('npm', [...words, ...own], { cwd, env: environment, extendEnv: false });
  return stdout;
}

/** A project of somebody who uses a package. */
export interface Project {
  readonly folder: string;
  /** The packages that are installed, by their path: `rxjs`, `ajv/node_modules/fast-uri`. */
  packages(): string[];
  /** What `node_modules` takes, in bytes. */
  bytes(): number;
  /** Compiles programs, and checks them and all declarations that they use as strictly as a compiler can. */
  compile(programs: Readonly<Record<string, string>>): Promise<void>;
  /** Runs a compiled program. */
  start(program: string, env?: Readonly<Record<string, string>>): Running;
}

interface Running {
  /** The lines that it has printed, once it has ended well. */
  readonly lines: Promise<string[]>;
  interrupt(): void;
}

/** Makes an empty project, and installs packages from a registry of this machine. */
export async function projectWith(
  home: string,
  name: string,
  registryUrl: string,
  ...packages: string[]
): Promise<Project> {
  const folder = join(home, name);
  mkdirSync(folder);
  const manifest = { name, version: '1.0.0', type: 'module', private: true };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  const words = ['install', ...packages, '@types/node', '--registry', registryUrl, '--ignore-scripts'];
  await npm(home, folder, ...words, '--no-audit', '--no-fund', '--no-update-notifier');
  const modules = join(folder, 'node_modules');
  return {
    folder,
    packages: () => {
      const lock = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')) as {
        packages: Record<string, { dev?: boolean }>;
      };
      const paths = Object.keys(lock.packages).map(path => path.replace(/^node_modules\//, ''));
      // They are there for the compiler.
      return paths.filter(path => path !== '@types/node' && path !== 'undici-types').sort();
    },
    bytes: () =>
      globSync('**', { cwd: modules, exclude: ['@types/**', 'undici-types/**'] })
        .map(path => statSync(join(modules, path)))
        .reduce((sum, file) => (file.isFile() ? sum + file.size : sum), 0),
    compile: async programs => {
      for (const [file, code] of Object.entries(programs)) writeFileSync(join(folder, file), code);
      const compilerOptions = {
        target: 'es2024',
        module: 'nodenext',
        types: ['node'],
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
      };
      writeFileSync(
        join(folder, 'tsconfig.json'),
        JSON.stringify({ compilerOptions, files: Object.keys(programs) }),
      );
      await execa('tsc', ['-p', folder], inRoot);
    },
    start: (program, env = {}) => {
      const running = execa('node', [program], {
        ...inRoot,
        cwd: folder,
        env,
        timeout: 2 * PATIENCE_MS,
      });
      return {
        lines: running.then(({ stdout }) => stdout.split('\n')),
        interrupt: () => void running.kill('SIGINT'),
      };
    },
  };
}

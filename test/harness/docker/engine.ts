import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { canInstallPackages, installPackage } from '../install-package.ts';
import { answers, engineAnswers } from './engine-answers.ts';
import { startDockerLab } from './lab.ts';

/** A real Docker engine. */
export interface TestEngine {
  /** Named by the environment, the machine's own, or in a lab. */
  readonly kind: 'given' | 'own' | 'lab';
  /** As in DOCKER_HOST. */
  readonly host: string;
  /** Prefix for commands that run among the engine's networks and processes. */
  readonly enter: readonly string[];
  /** Ends the engine if it is in a lab. */
  stop(): Promise<void>;
}

/** Programs that a lab and its tests need, by their Debian packages. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  'docker.io': ['dockerd', 'docker-init', 'docker'],
  'docker-registry': ['docker-registry'],
  'busybox-static': ['busybox'],
};
/** Programs of util-linux, which Debian always has. */
const TOOLS = ['setpriv', 'unshare', 'nsenter'];
const ANSWER_MS = 10_000;

/**
 * Gets an engine. It uses the one that `TCW_TEST_DOCKER_HOST` names, else one that answers on this machine, else one in
 * a lab. For the lab, it installs missing Debian packages.
 *
 * @throws Error that says what was tried and what to install
 */
export async function startTestEngine(): Promise<TestEngine> {
  const { TCW_TEST_DOCKER_HOST: given, DOCKER_HOST: own = 'unix:///var/run/docker.sock' } = process.env;
  if (given) {
    await engineAnswers(given, AbortSignal.timeout(ANSWER_MS)).catch((error: unknown) => {
      throw new Error(`no Docker engine answers at TCW_TEST_DOCKER_HOST (${given})`, { cause: error });
    });
  }
  if (given || (await answers(own, AbortSignal.timeout(ANSWER_MS)))) {
    // Tests make images of busybox, and pull them from a registry.
    await installMissing(['docker-registry', 'busybox-static']);
    return given ? engineAt('given', given) : engineAt('own', own);
  }
  await installMissing(Object.keys(PROGRAMS));
  const tools = TOOLS.filter(tool => !onPath(tool));
  if (process.getuid?.() !== 0 || tools.length > 0) {
    const reason = tools.length > 0 ? `${tools.join(', ')} (util-linux) not found` : 'this user is not root';
    throw noEngine(`no engine answers at ${own}, and none can be started: ${reason}`);
  }
  try {
    return { kind: 'lab', ...(await startDockerLab()) };
  } catch (error) {
    throw noEngine(`no engine answers at ${own}, and none can be started: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Whether this process could start an engine in its own lab. */
export function canMakeLab(): boolean {
  const programs = [...TOOLS, ...Object.values(PROGRAMS).flat()];
  return process.platform === 'linux' && process.getuid?.() === 0 && programs.every(onPath);
}

async function installMissing(packages: readonly string[]): Promise<void> {
  for (const name of packages) {
    const isThere = () => (PROGRAMS[name] ?? []).every(onPath);
    if (!isThere() && canInstallPackages()) await installPackage(name);
    if (!isThere()) throw noEngine(`${(PROGRAMS[name] ?? []).join(', ')} not found (Debian's ${name})`);
  }
}

function noEngine(reason: string, options?: ErrorOptions): Error {
  return new Error(
    [
      `No Docker engine for the tests: ${reason}.`,
      `Install ${Object.keys(PROGRAMS).join(', ')} (Debian: as root, npm test does it), or start an engine, or set`,
      'TCW_TEST_DOCKER_HOST (docs/testing.md).',
    ].join('\n'),
    options,
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function engineAt(kind: 'given' | 'own', host: string): TestEngine {
  return { kind, host, enter: [], stop: async () => undefined };
}

function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some(folder => {
    try {
      accessSync(join(folder || '.', program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

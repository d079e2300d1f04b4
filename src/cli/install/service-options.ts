import { existsSync } from 'node:fs';
import { dirname, posix, win32 } from 'node:path';
import type { Service } from '../../pool/index.ts';
import { configDefaults, type WorkerConfig } from '../../worker/config/index.ts';
import { engineNames } from '../../worker/index.ts';
import { file } from '../config/sources/file.ts';
import { ConfigurationError } from '../config/problem.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';

export type ServiceManager = 'systemd' | 'launchd' | 'windows';

/** Options of `tcw install service`. */
export interface InstallOptions {
  readonly for?: ServiceManager;
  readonly print?: true;
  readonly force?: true;
  readonly name: string;
  readonly config?: string;
  readonly user?: string;
  readonly directory?: string;
  readonly program?: string;
  readonly engine?: string;
  readonly grace?: string;
}

/** The machine that the command runs on. */
export interface ThisMachine {
  /** The file that was started as `tcw`. */
  readonly program: string;
  /** The Node.js executable that runs it. */
  readonly node: string;
  readonly platform: NodeJS.Platform;
}

const CONFIGS: Readonly<Record<ServiceManager, string>> = {
  systemd: '/etc/tcw/worker.yml',
  launchd: '/etc/tcw/worker.yml',
  windows: 'C:\\tcw\\worker.yml',
};
/** The folders in which programs are found when a service manager starts the worker. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Returns the service to install. Values that the command line leaves out come from the configuration file, if it
 * exists already.
 *
 * @throws Failure for an option with an unusable value, ConfigurationError for a configuration that cannot be read
 */
export async function serviceOf(
  options: InstallOptions,
  manager: ServiceManager,
  machine: ThisMachine,
): Promise<Service> {
  const { name, user } = options;
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name)) {
    throw wrong('--name', 'must have letters, digits, ".", "_" and "-" only, 64 at most');
  }
  if (user !== undefined && !/^[A-Za-z_.\\][A-Za-z0-9_.\\$ -]{0,63}$/.test(user)) {
    throw wrong('--user', 'must be the name of a user');
  }
  const config = absolute('--config', options.config ?? CONFIGS[manager], manager);
  const settings = await known(config);
  const { engine = settings.engine } = options;
  const engines = engineNames({ ...settings, ...(engine !== undefined && { engine: engine as never }) });
  if (manager === 'systemd' && engines.includes('user') && user !== undefined && user !== 'root') {
    throw wrong('--user', 'must be root with the engine user');
  }
  const needsRoot = engines.some(each => each !== 'native' && each !== 'script');
  const usual = manager === 'systemd' && !needsRoot ? 'tcw' : undefined;
  const directory = options.directory ?? directoryFor(name, manager);
  const program = absolute('--program', options.program ?? machine.program, manager);
  return {
    name,
    command: [program, 'run', '--config', config],
    user: user ?? usual,
    directory: absolute('--directory', directory, manager),
    environmentFile: `${dirname(config)}/environment`,
    path: pathFor(machine.node),
    engines,
    graceSecs: options.grace === undefined ? settings.shutdownGraceSecs : seconds('--grace', options.grace),
  };
}

type Known = Pick<
  WorkerConfig,
  'engine' | 'headlessTasks' | 'd2gConfig' | 'disableNativePayloads' | 'shutdownGraceSecs'
>;

/**
 * Reads the values for the service from the configuration, which need not exist yet. Mistakes in it are left for `tcw
 * run` to report.
 */
async function known(path: string): Promise<Known> {
  const defaults = configDefaults();
  if (!existsSync(path)) return defaults;
  const { settings, problems, unreadable } = await file(path);
  if (unreadable) throw new ConfigurationError(problems);
  const given = (name: keyof Known, type: string) => {
    const value = settings.get(name)?.value;
    return typeof value === type ? { [name]: value } : {};
  };
  return {
    ...defaults,
    ...given('engine', 'string'),
    ...given('headlessTasks', 'boolean'),
    ...given('d2gConfig', 'object'),
    ...given('disableNativePayloads', 'boolean'),
    ...given('shutdownGraceSecs', 'number'),
  };
}

function directoryFor(name: string, manager: ServiceManager): string {
  if (manager === 'windows') return 'C:\\tcw';
  return manager === 'systemd' ? `/var/lib/${name}` : `/usr/local/var/${name}`;
}

function absolute(option: string, path: string, manager: ServiceManager): string {
  const isWindows = manager === 'windows';
  const { isAbsolute, normalize } = isWindows ? win32 : posix;
  // eslint-disable-next-line no-control-regex -- such a character would end a line of the unit
  if (/[\x00-\x1f]/.test(path)) throw wrong(option, 'must not hold control characters');
  if (!isAbsolute(path)) throw wrong(option, `must be an absolute path, not ${JSON.stringify(path)}`);
  if (isWindows && /[%"]/.test(path)) throw wrong(option, 'must not hold % or ", which cmd.exe would change');
  // systemd accepts no "..", and in a service file a backslash at the end would join two lines or quote a quote.
  const normal = normalize(path).replace(isWindows ? /(?<=[^:\\])\\+$/ : /(?<=[^/])\/+$/, '');
  if (!isWindows && normal.endsWith('\\')) throw wrong(option, 'must not end with a backslash');
  return normal;
}

/** Returns a PATH that contains the folder of `node`, because the shell that starts tcw searches it for `node`. */
function pathFor(node: string): string | undefined {
  const folder = dirname(node);
  return DEFAULT_PATH.split(':').includes(folder) ? undefined : `${folder}:${DEFAULT_PATH}`;
}

function seconds(option: string, text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw wrong(option, 'must be a whole number of seconds, 0 or more');
  return Number(text);
}

function wrong(option: string, what: string): Failure {
  return new Failure(EXIT_CODES.cannotLoadConfig.code, `${option} ${what}`);
}

import { PROPERTIES } from '../../../worker/config/index.ts';
import type { ConfigWarning, Setting, Settings } from '../source.ts';

const OTHERS_MAY_READ = 0o044;
/** URL properties over which secrets are sent, with the encrypted scheme for each. */
const PLAIN: Readonly<
  Record<string, { readonly scheme: string; readonly better: string; readonly loses: string }>
> = {
  rootURL: { scheme: 'http:', better: 'https', loses: 'credentials of tasks' },
  pulseUrl: { scheme: 'amqp:', better: 'amqps', loses: 'the Pulse password' },
};
const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Warns when other users of the machine can read a file that contains secrets.
 *
 * @param mode the mode of the file, from stat(2)
 */
export function readableByOthers(path: string, mode: number, settings: Settings): ConfigWarning[] {
  const isSecret = ([name, { value }]: [string, Setting]) =>
    PROPERTIES.get(name)?.secret && value !== '' && !isUrlWithoutPassword(value);
  const secrets = [...settings].filter(isSecret).map(([name]) => name);
  const [property] = secrets;
  if (property === undefined || process.platform === 'win32' || (mode & OTHERS_MAY_READ) === 0) return [];
  const message = `other users of this machine may read ${secrets.join(', ')}; chmod 600 ${path} prevents that`;
  return [{ property, place: `file ${path}`, message }];
}

/** Warns of an unencrypted connection to another machine. */
export function unencrypted(settings: Settings): ConfigWarning[] {
  return Object.entries(PLAIN).flatMap(([property, { scheme, better, loses }]) => {
    const { value, place } = settings.get(property) ?? { value: undefined, place: '' };
    if (typeof value !== 'string' || !URL.canParse(value)) return [];
    const { protocol, hostname, searchParams } = new URL(value);
    const isEncrypted = protocol !== scheme || /^(1|true)$/i.test(searchParams.get('ssl') ?? '');
    if (isEncrypted || LOOPBACK.test(hostname.toLowerCase())) return [];
    const message = `${property} connects to ${hostname} without encryption, so anyone on the network path can read ${loses}; use ${better}://`;
    return [{ property, place, message }];
  });
}

function isUrlWithoutPassword(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    URL.canParse(value) &&
    new URL(value).password === '' &&
    /^amqps?:/i.test(value)
  );
}

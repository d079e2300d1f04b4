import { once } from 'node:events';
import { startProgram } from '../../setting/children.ts';
import { nowMs } from '../../setting/clock.ts';

/** A container started by `docker run`. Times are on the clock of `nowMs`. */
export interface CommandLineRun {
  readonly startedMs: number;
  /** The time of its first output. Rejects when it ends without output. */
  readonly firstOutputMs: Promise<number>;
  /** The time at which `docker run` ended. Rejects when it failed. */
  readonly endedMs: Promise<number>;
}

/** The arguments that generic-worker 106 uses for docker-worker payloads. */
const AS_D2G = [
  ...['-t', '--memory-swap', '-1', '--pids-limit', '-1', '--pull=never', '--log-driver=none'],
  '--add-host=localhost.localdomain:127.0.0.1',
];

/** Runs a command in a new container. */
export function dockerRun(
  host: string,
  { name, image, argv }: { readonly name: string; readonly image: string; readonly argv: readonly string[] },
): CommandLineRun {
  const startedMs = nowMs();
  const words = ['-H', host, 'run', '--name', name, ...AS_D2G, image, ...argv];
  const child = startProgram('docker', words, {}, ['ignore', 'pipe', 'inherit']);
  const first = Promise.withResolvers<number>();
  first.promise.catch(() => undefined);
  child.stdout?.once('data', () => {
    first.resolve(nowMs());
  });
  child.stdout?.resume();
  const endedMs = once(child, 'close').then(([code]) => {
    first.reject(new Error(`\`docker run\` of ${argv.join(' ')} printed nothing`));
    if (code !== 0)
      throw new Error(`\`docker run\` of ${argv.join(' ')} ended with exit code ${String(code)}`);
    return nowMs();
  });
  endedMs.catch(() => undefined);
  return { startedMs, firstOutputMs: first.promise, endedMs };
}

/** Runs `docker` and returns its duration in ms. @throws Error when it fails */
export async function docker(host: string, words: readonly string[]): Promise<number> {
  const startedMs = nowMs();
  const child = startProgram('docker', ['-H', host, ...words], {}, ['ignore', 'ignore', 'inherit']);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`\`docker ${words.join(' ')}\` ended with exit code ${code}`);
  return nowMs() - startedMs;
}

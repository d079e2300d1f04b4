import { posix } from 'node:path';

/**
 * Returns the problems with the paths at which a container sees directories of the machine: caches, and
 * artifacts of the type `volume`. The schema may not have accepted the payload.
 */
export function bindProblems(payload: unknown): string[] {
  const { cache, artifacts } = membersOf(payload);
  const binds = [
    ...Object.entries(membersOf(cache)).map(([name, path]) => ({ pointer: `/cache/${escaped(name)}`, path })),
    ...Object.entries(membersOf(artifacts)).flatMap(([name, artifact]) => {
      const { type, path } = membersOf(artifact);
      return type === 'volume' ? [{ pointer: `/artifacts/${escaped(name)}/path`, path }] : [];
    }),
  ];
  const taken = new Map<string, string>();
  return binds.flatMap(({ pointer, path }) => {
    if (typeof path !== 'string' || path === '') return [];
    const target = posix.resolve('/', path);
    const other = taken.get(target);
    taken.set(target, other ?? pointer);
    if (other !== undefined) return [`${pointer} is the same path as ${other}`];
    const problem = problemOf(target);
    return problem === undefined ? [] : [`${pointer} ${problem}`];
  });
}

function problemOf(target: string): string | undefined {
  if (target === '/') return 'is the root of the container, which cannot be replaced by a mount';
  // Docker's own syntax for mounts separates its parts with colons.
  return /[:\0]/.test(target) ? 'contains a colon or a NUL' : undefined;
}

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

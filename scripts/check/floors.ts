import { cruise, type ICruiseResult, type IConfiguration, type IViolation } from 'dependency-cruiser';
import { globSync } from 'node:fs';
import { sep } from 'node:path';
import { report } from './problems.ts';

const { default: configuration, floors } = (await import(
  new URL('../../.dependency-cruiser.js', import.meta.url).href
)) as { default: Required<Pick<IConfiguration, 'forbidden' | 'options'>>; floors: readonly string[] };

/**
 * Lists the violations of .dependency-cruiser.js in the `src` of a folder, one per line.
 *
 * It also reports files that dependency-cruiser did not read: with a version of TypeScript that it does not support, it
 * finds no modules and so no violations. Files that belong to no floor are reported too, because no rule would apply to
 * them.
 */
export async function floorProblems(root: string, look: typeof cruise = cruise): Promise<string[]> {
  const written = globSync('src/**/*.ts', { cwd: root }).map(file => file.replaceAll(sep, '/'));
  if (written.length === 0) return ['looked at nothing: there is no TypeScript under src'];

  const { forbidden, options } = configuration;
  const { output } = await look(['src'], {
    ...options,
    ruleSet: { forbidden },
    validate: true,
    baseDir: root,
  });
  if (typeof output === 'string') return [output];

  const seen = new Set(output.modules.map(({ source }) => source));
  const onAFloor = new RegExp(`^src/(${floors.join('|')})/`);
  return [
    ...written.filter(file => !seen.has(file)).map(file => `not looked at: ${file}`),
    ...written.filter(file => !onAFloor.test(file)).map(file => `on no floor: ${file}`),
    ...violations(output).map(lineOf),
  ];
}

/** Reports each cycle once. dependency-cruiser reports it once for each of its modules. */
function violations({ summary }: ICruiseResult): IViolation[] {
  const cycles = new Set<string>();
  return summary.violations.filter(({ cycle }) => {
    if (cycle === undefined) return true;
    const members = cycle
      .map(({ name }) => name)
      .sort()
      .join();
    return !cycles.has(members) && cycles.add(members);
  });
}

function lineOf({ rule, from, to, cycle }: IViolation): string {
  const path = cycle ? cycle.map(({ name }) => name) : [to];
  return `${rule.name}: ${[from, ...path].join(' → ')}`;
}

if (import.meta.main) report(await floorProblems(process.cwd()));

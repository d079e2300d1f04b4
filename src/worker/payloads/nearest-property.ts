import { pointerSteps, suggestion } from '../../base/index.ts';

const UNKNOWN = ' is not a known property';

/** Adds the nearest known name to a problem that names an unknown property. */
export function withNearestProperty(problem: string, schema: object): string {
  if (!problem.endsWith(UNKNOWN)) return problem;
  const steps = pointerSteps(problem.slice(0, -UNKNOWN.length));
  const [name = ''] = steps.splice(-1);
  const known = steps.reduce<Schema | undefined>(inside, schema)?.properties ?? {};
  return `${problem}${suggestion(name, Object.keys(known))}`;
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** The schema of a member; undefined where alternatives make it unknown. */
function inside(schema: Schema | undefined, step: string): Schema | undefined {
  if (schema?.properties && Object.hasOwn(schema.properties, step)) return schema.properties[step];
  return /^\d+$/.test(step) ? schema?.items : undefined;
}

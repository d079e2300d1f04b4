import { pascalCase, typeName } from './names.ts';
import { typescript } from './output.ts';
import type { Api, Call } from './references.ts';
import type { Schemas } from './schemas.ts';
import { declareTypes } from './types.ts';

/** The declarations around the table, which do not depend on the references. */
const SHAPES = `
/** Which scopes a call needs, as the API references write it. */
export type ScopeExpression =
  | string
  | { readonly AllOf: readonly ScopeExpression[] }
  | { readonly AnyOf: readonly ScopeExpression[] }
  | { readonly for: string; readonly in: string; readonly each: string }
  | { readonly if: string; readonly then: ScopeExpression; readonly else?: ScopeExpression };

/** A call of a service's API. */
export interface ApiCall {
  readonly method: 'delete' | 'get' | 'head' | 'patch' | 'post' | 'put';
  /** Below \`/api/queue/v1\`, or another service's, with its arguments in angle brackets: \`/task/<taskId>\`. */
  readonly route: string;
  readonly args: readonly string[];
  readonly query: readonly string[];
  /** The schemas of the request's and the response's body, as paths below \`schemas/\`. */
  readonly input?: string;
  readonly output?: string;
  /** Absent when anybody may call it. */
  readonly scopes?: ScopeExpression;
}
`;

/**
 * Writes the module of the queue's API: the type of a call, the types of requests and responses, the interface
 * `QueueApi`, which assigns them to the calls, and the table `queueApi`.
 *
 * @param shared names of types that the queue's exchanges already declare
 */
export async function queueApiModule(
  calls: readonly Call[],
  schemas: Schemas,
  shared: ReadonlySet<string>,
): Promise<string> {
  const { declarations, imported } = await declareTypes(schemas, schemasOf(calls), shared);
  const names = imported.join(', ');
  return typescript(`
    ${names && `import type { ${names} } from '../../exchanges/index.ts';\n\nexport type { ${names} };`}
    ${SHAPES}
    ${[...declarations.values()].join('\n\n')}

    ${table({ name: 'queue', calls })}
  `);
}

/** Writes the module of another service's API, with the same structure as the queue's. */
export async function apiModule(api: Api, schemas: Schemas): Promise<string> {
  const { declarations } = await declareTypes(schemas, schemasOf(api.calls));
  return typescript(`
    import type { ApiCall } from './api.ts';

    ${[...declarations.values()].join('\n\n')}

    ${table(api)}
  `);
}

function schemasOf(calls: readonly Call[]): string[] {
  return calls.flatMap(({ input, output }) => [input, output]).filter(path => path !== undefined);
}

function table({ name, calls }: Api): string {
  const type = `${pascalCase(name)}Api`;
  const constant = type.charAt(0).toLowerCase() + type.slice(1);
  const owner = name === 'queue' ? "The queue's calls." : `The calls of ${name} that are of use here.`;
  return `
    /**
     * ${owner} Where one takes or gives no body, its \`input\` or \`output\` is undefined; \`query\` has the names
     * of what may be in its query string.
     */
    export interface ${type} {
      ${calls.map(signature).join('\n')}
    }

    export const ${constant}: { readonly [N in keyof ${type}]: ApiCall } = {
      ${calls.map(entry).join('\n')}
    };
  `;
}

function signature({ name, method, route, args, query = [], input, output }: Call): string {
  return `${name}: {
    method: ${JSON.stringify(method)};
    route: ${JSON.stringify(route)};
    args: [${args.map(arg => `${arg}: ${arg === 'runId' ? 'number' : 'string'}`).join(', ')}];
    query: ${query.map(key => JSON.stringify(key)).join(' | ') || 'never'};
    input: ${input === undefined ? 'undefined' : typeName(input)};
    output: ${output === undefined ? 'undefined' : typeName(output)};
  };`;
}

function entry({ name, method, route, args, query = [], input, output, scopes }: Call): string {
  return `${name}: ${JSON.stringify({ method, route, args, query, input, output, scopes })},`;
}

import { typeName } from './names.ts';
import { typescript } from './output.ts';
import type { Call } from './references.ts';
import type { Schemas } from './schemas.ts';
import { declareTypes } from './types.ts';

/** The words around the table, which do not depend on the references. */
const SHAPES = `
/** Which scopes a call needs, as the queue's API reference writes it. */
export type ScopeExpression =
  | string
  | { readonly AllOf: readonly ScopeExpression[] }
  | { readonly AnyOf: readonly ScopeExpression[] }
  | { readonly for: string; readonly in: string; readonly each: string }
  | { readonly if: string; readonly then: ScopeExpression; readonly else?: ScopeExpression };

/** A call of the queue's API. */
export interface ApiCall {
  readonly method: 'delete' | 'get' | 'head' | 'patch' | 'post' | 'put';
  /** Below \`/api/queue/v1\`, with its arguments in angle brackets: \`/task/<taskId>\`. */
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
 * Writes the module of the queue's API: the types of its requests and responses, the interface \`QueueApi\` that
 * says which call has which, and the table \`queueApi\`.
 *
 * @param shared names of types that the queue's exchanges declare already
 */
export async function apiModule(
  calls: readonly Call[],
  schemas: Schemas,
  shared: ReadonlySet<string>,
): Promise<string> {
  const paths = calls.flatMap(({ input, output }) => [input, output]).filter(path => path !== undefined);
  const { declarations, imported } = await declareTypes(schemas, paths, shared);
  const names = imported.join(', ');
  return typescript(`
    ${names && `import type { ${names} } from '../../exchanges/index.ts';\n\nexport type { ${names} };`}
    ${SHAPES}
    ${[...declarations.values()].join('\n\n')}

    /**
     * The queue's calls. Where one takes or gives no body, its \`input\` or \`output\` is undefined; \`query\` has the names
     * of what may be in its query string.
     */
    export interface QueueApi {
      ${calls.map(signature).join('\n')}
    }

    export const queueApi: { readonly [N in keyof QueueApi]: ApiCall } = {
      ${calls.map(entry).join('\n')}
    };
  `);
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

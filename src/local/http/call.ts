import type { Caller } from '../auth/authenticate.ts';
import type { ScopeParameters } from '../auth/scope-template.ts';
import type { Answer } from './answer.ts';

/** What every call can do, whichever it is. */
export interface CallTools {
  /** Checks the caller's scopes. Where they follow from the path alone, it has been done before. */
  readonly authorize: (parameters: ScopeParameters) => Promise<void>;
  /** Who calls. */
  readonly caller: () => Promise<Caller>;
  /** Makes the answer another than 200. */
  readonly answerWith: (status: number, headers: Answer['headers']) => void;
  /** Calls back when the caller is gone, or has been answered. */
  readonly onGone: (callback: () => void) => void;
}

/** What the references say of a call, as a type. */
interface Described {
  readonly route: string;
  readonly query: string;
  readonly input: unknown;
  readonly output: unknown;
}

/** What the references say of a service's calls, as `QueueApi`. */
export type DescribedApi<Api> = { readonly [N in keyof Api]: Described };

type NamesIn<Route extends string> = Route extends `${string}<${infer Name}>${infer Rest}`
  ? Name | NamesIn<Rest>
  : never;

/** A request, understood: its path taken apart, its body checked and its defaults filled in. */
export interface Call<D extends Described> extends CallTools {
  readonly params: Readonly<Record<NamesIn<D['route']>, string>>;
  readonly query: Partial<Readonly<Record<D['query'], string>>>;
  readonly body: D['input'];
}

/** Data of this type, whether it may be changed or not. */
type Sent<T> = T extends object ? { readonly [K in keyof T]: Sent<T[K]> } : T;

/** Where the references name no body, the answer has an empty object or, for undefined, nothing: 204. */
type Output<D extends Described> = D['output'] extends undefined ? object | undefined : Sent<D['output']>;

/** Answers a call with the body of the answer. */
export type Handler<D extends Described> = (call: Call<D>) => Output<D> | Promise<Output<D>>;

/** What answers the calls of a service. Calls that are left out do not exist here. */
export type Handlers<Api extends DescribedApi<Api>> = { readonly [N in keyof Api]?: Handler<Api[N]> };

/** A call of which it is not known which one it is. */
export interface AnyCall extends CallTools {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

export type AnyHandler = (call: AnyCall) => object | undefined | Promise<object | undefined>;

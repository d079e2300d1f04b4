import type { Caller } from '../auth/authenticate.ts';
import type { ScopeParameters } from '../auth/scope-template.ts';
import type { Answer } from './answer.ts';

/** Tools for the handler of any call. */
export interface CallTools {
  /** Checks the caller's scopes. If they depend only on the path, this has already been done. */
  readonly authorize: (parameters: ScopeParameters) => Promise<void>;
  /** Returns the caller. */
  readonly caller: () => Promise<Caller>;
  /** Sets a status other than 200. */
  readonly answerWith: (status: number, headers: Answer['headers']) => void;
  /** Calls back when the caller has disconnected or has been answered. */
  readonly onGone: (callback: () => void) => void;
}

/** The references' description of a call, as a type. */
interface Described {
  readonly route: string;
  readonly query: string;
  readonly input: unknown;
  readonly output: unknown;
}

/** The references' descriptions of a service's calls, such as `QueueApi`. */
export type DescribedApi<Api> = { readonly [N in keyof Api]: Described };

type NamesIn<Route extends string> = Route extends `${string}<${infer Name}>${infer Rest}`
  ? Name | NamesIn<Rest>
  : never;

/** A processed request, with its parameters, its validated body and the defaults. */
export interface Call<D extends Described> extends CallTools {
  readonly params: Readonly<Record<NamesIn<D['route']>, string>>;
  readonly query: Partial<Readonly<Record<D['query'], string>>>;
  readonly body: D['input'];
}

/** Data of this type, mutable or not. */
type Sent<T> = T extends object ? { readonly [K in keyof T]: Sent<T[K]> } : T;

/** If the references name no body, the answer is an empty object or, for undefined, nothing: 204. */
type Output<D extends Described> = D['output'] extends undefined ? object | undefined : Sent<D['output']>;

/** Handles a call, and returns the body of the answer. */
export type Handler<D extends Described> = (call: Call<D>) => Output<D> | Promise<Output<D>>;

/** The handlers of a service's calls. Omitted calls do not exist here. */
export type Handlers<Api extends DescribedApi<Api>> = { readonly [N in keyof Api]?: Handler<Api[N]> };

/** A call of unknown type. */
export interface AnyCall extends CallTools {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

export type AnyHandler = (call: AnyCall) => object | undefined | Promise<object | undefined>;

import type { QueueApi } from '../../queue/index.ts';
import type { ScopeParameters } from '../auth/scope-template.ts';
import type { Answer } from './answer.ts';

/** What every call can do, whichever it is. */
export interface CallTools {
  /** Checks the caller's scopes. Where they follow from the path alone, it has been done before. */
  readonly authorize: (parameters: ScopeParameters) => Promise<void>;
  /** Makes the answer another than 200. */
  readonly answerWith: (status: number, headers: Answer['headers']) => void;
  /** Calls back when the caller is gone, or has been answered. */
  readonly onGone: (callback: () => void) => void;
}

type NamesIn<Route extends string> = Route extends `${string}<${infer Name}>${infer Rest}`
  ? Name | NamesIn<Rest>
  : never;

/** A request, understood: its path taken apart, its body checked and its defaults filled in. */
export interface Call<N extends keyof QueueApi> extends CallTools {
  readonly params: Readonly<Record<NamesIn<QueueApi[N]['route']>, string>>;
  readonly query: Partial<Readonly<Record<QueueApi[N]['query'], string>>>;
  readonly body: QueueApi[N]['input'];
}

/** Data of this type, whether it may be changed or not. */
type Sent<T> = T extends object ? { readonly [K in keyof T]: Sent<T[K]> } : T;

type Output<N extends keyof QueueApi> = QueueApi[N]['output'] extends undefined
  ? object
  : Sent<QueueApi[N]['output']>;

/** Answers a call with the body of the answer. */
export type Handler<N extends keyof QueueApi> = (call: Call<N>) => Output<N> | Promise<Output<N>>;

/** What answers the calls of the API. Calls that are left out do not exist here. */
export type Handlers = { readonly [N in keyof QueueApi]?: Handler<N> };

/** A call of which it is not known which one it is. */
export interface AnyCall extends CallTools {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

export type AnyHandler = (call: AnyCall) => object | Promise<object>;

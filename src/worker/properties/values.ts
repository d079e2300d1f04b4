import type { Secret } from '../../base/index.ts';

type ValueOf<P> = P extends { secret: true }
  ? Secret
  : P extends { oneOf: readonly (infer Choice)[] }
    ? Choice
    : P extends { type: 'boolean' }
      ? boolean
      : P extends { type: 'integer' | 'seconds' | 'port' }
        ? number
        : P extends { type: 'object' }
          ? Readonly<Record<string, unknown>>
          : P extends { type: 'strings' }
            ? readonly string[]
            : string;

/** Properties that always have a value: required ones, and those with a default. */
type Certain<Table> = {
  [Name in keyof Table]: Table[Name] extends { required: true } | { default: unknown } ? Name : never;
}[keyof Table];

/**
 * The values of a table of properties: checked, with defaults, and with secrets wrapped. Durations are in
 * seconds.
 */
export type ValuesOf<Table> = {
  readonly [Name in Certain<Table>]: ValueOf<Table[Name]>;
} & {
  readonly [Name in Exclude<keyof Table, Certain<Table>>]?: ValueOf<Table[Name]>;
};

/** The values of the properties that have a default. */
export type DefaultsOf<Table> = {
  readonly [Name in keyof Table as Table[Name] extends { default: unknown } ? Name : never]: ValueOf<
    Table[Name]
  >;
};

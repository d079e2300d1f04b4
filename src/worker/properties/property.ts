/**
 * The type of a value: JSON's types, and narrower ones that a worker needs.
 *
 * - `seconds`: a whole number of seconds
 * - `port`: a TCP port; 0 lets the system choose where that makes sense
 * - `ip`: an IPv4 or IPv6 address, as text
 * - `strings`: a list of strings
 * - `directory`, `file`: a path. A relative path starts at the working directory and is made absolute
 */
type PropertyType =
  'string' | 'strings' | 'integer' | 'boolean' | 'object' | 'seconds' | 'port' | 'ip' | 'directory' | 'file';

/** A configuration property: everything that reading, help, documentation and the JSON schema need. */
export interface Property {
  readonly type: PropertyType;
  /** One line of plain English, at most 92 characters. */
  readonly description: string;
  /** Who defined its name and meaning: generic-worker or tcw. */
  readonly since: 'generic-worker' | 'tcw';
  readonly required?: true;
  readonly default?: string | number | boolean | Readonly<Record<string, unknown>>;
  /** Never printed, and passed on as a `Secret`. */
  readonly secret?: true;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly oneOf?: readonly string[];
  readonly pattern?: TextPattern;
  /** Returns the normal form of a text that fits the pattern, or undefined if the text is wrong nevertheless. */
  readonly normal?: (text: string) => string | undefined;
  /** The keys of an object and their types. Without them, any key is allowed. */
  readonly keys?: Readonly<Record<string, 'string' | 'boolean'>>;
  /** The variable in which every Taskcluster tool looks for this value. */
  readonly standardVariable?: string;
}

interface TextPattern {
  /** A regular expression of JSON Schema (ECMA 262), anchored. */
  readonly matches: string;
  /** Describes the pattern, in words that follow "must be". */
  readonly meaning: string;
}

/** Properties under one heading of the help and the documentation. */
export interface PropertyGroup {
  readonly title: string;
  readonly properties: Readonly<Record<string, Property>>;
}

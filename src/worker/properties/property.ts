/**
 * What a value is: JSON's kinds, and the narrower ones a worker needs.
 *
 * - `seconds`: a whole number of seconds
 * - `port`: a TCP port; 0 lets the system choose where that makes sense
 * - `ip`: an IPv4 or IPv6 address, as text
 * - `strings`: a list of texts
 * - `directory`, `file`: a path; a relative one counts from the working directory and is made absolute
 */
type PropertyType =
  'string' | 'strings' | 'integer' | 'boolean' | 'object' | 'seconds' | 'port' | 'ip' | 'directory' | 'file';

/** One configuration property: everything that reading, help, documentation and the JSON schema need to know. */
export interface Property {
  readonly type: PropertyType;
  /** One line, in our words. */
  readonly description: string;
  /** Whose spelling and meaning it is: generic-worker's, or ours. */
  readonly since: 'generic-worker' | 'tcw';
  readonly required?: true;
  readonly default?: string | number | boolean | Readonly<Record<string, unknown>>;
  /** Never printed, and handed on as a `Secret`. */
  readonly secret?: true;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly oneOf?: readonly string[];
  readonly pattern?: TextPattern;
  /** Gives a text that fits the pattern its one spelling; undefined for a text that is wrong all the same. */
  readonly normal?: (text: string) => string | undefined;
  /** The keys of an object and what they hold. Without them any key goes. */
  readonly keys?: Readonly<Record<string, 'string' | 'boolean'>>;
  /** The variable in which every Taskcluster tool looks for the same thing. */
  readonly usualVariable?: string;
}

interface TextPattern {
  /** A regular expression of JSON Schema (ECMA 262), anchored. */
  readonly matches: string;
  /** What fits it, in words that follow "must be". */
  readonly meaning: string;
}

/** Properties under one heading of the help and the documentation. */
export interface PropertyGroup {
  readonly title: string;
  readonly properties: Readonly<Record<string, Property>>;
}

import { resolve } from 'node:path';
import {
  configDefaults,
  PROPERTIES,
  portProblems,
  type Property,
  type WorkerConfig,
} from '../../worker/config/index.ts';
import { Secret } from '../../base/index.ts';
import { withoutForeignCertificate } from './certificate.ts';
import { check } from './check.ts';
import { file } from './file.ts';
import { flags, type GivenFlags } from './flags.ts';
import { ConfigurationError, invalid, type Problem } from './problem.ts';
import { problemOf } from './report.ts';
import { unencrypted } from './exposure.ts';
import type { ConfigWarning, Setting, Settings, Source } from './source.ts';
import { ownVariables, usualVariables, type Environment } from './variables.ts';
import { obsoleteWarnings } from './warnings.ts';
import { windowsProblems } from './windows.ts';
import { withPoolHalves } from './worker-pool-id.ts';

interface ConfigInput extends GivenFlags {
  /** The file that `--config` names. */
  readonly file?: string | undefined;
  readonly environment: Environment;
  /** What relative paths count from; absolute. */
  readonly workingDirectory: string;
}

export interface LoadedConfig {
  readonly config: WorkerConfig;
  readonly warnings: readonly ConfigWarning[];
}

/**
 * Reads a configuration, in rising order from: defaults, the usual TASKCLUSTER_* variables, the file, TCW_*
 * variables, flags. The usual variables stand below the file because a file is written for this worker, and they
 * belong to whoever's shell it is started from.
 *
 * @throws ConfigurationError with every problem of every source
 */
export async function readConfig(input: ConfigInput): Promise<LoadedConfig> {
  return loadSources(await readSources(input), input.workingDirectory);
}

/** What this machine says of the configuration of its worker, the less important sources first. */
export interface Sources {
  /** What was written for this worker, or for this shell. */
  readonly written: readonly Source[];
  /** What somebody says who starts it now: TCW_* variables and flags. */
  readonly now: readonly Source[];
}

/** Reads the sources of a configuration on this machine. What is wrong with them is not thrown yet. */
export async function readSources(input: ConfigInput): Promise<Sources> {
  return {
    written: [
      usualVariables(input.environment),
      ...(input.file === undefined ? [] : [await file(input.file)]),
    ],
    now: [ownVariables(input.environment), flags(input)],
  };
}

/**
 * Makes a configuration of sources.
 *
 * @param between what lies over the written sources: the worker pool's own settings
 * @param above what nothing on this machine can change: who the worker is by its registration
 * @throws ConfigurationError with every problem of every source
 */
export function loadSources(
  { written, now }: Sources,
  workingDirectory: string,
  {
    between = [],
    above = [],
  }: { readonly between?: readonly Source[]; readonly above?: readonly Source[] } = {},
): LoadedConfig {
  return load([...written, ...between, ...now, ...above], workingDirectory);
}

/**
 * Makes as much of a configuration as is known before the worker registers.
 *
 * @param later properties that only the registration brings
 * @throws ConfigurationError
 */
export function loadWithout(
  later: ReadonlySet<string>,
  { written, now }: Sources,
  workingDirectory: string,
): Partial<WorkerConfig> & ConfigOfEverybody {
  return load([...written, ...now], workingDirectory, later).config;
}

/** Properties that have a default. */
type ConfigOfEverybody = ReturnType<typeof configDefaults>;

interface ReadFlags {
  readonly config: Partial<WorkerConfig>;
  readonly problems: readonly Problem[];
}

/** Reads only flags, for a command that makes the rest of a configuration by itself. */
export function readFlags(input: GivenFlags, workingDirectory: string): ReadFlags {
  const source = flags(input);
  const settings = withoutUnset(merge([source]));
  const faults = check(valuesOf(settings)).filter(({ kind }) => kind !== 'missing');
  const problems = [...source.problems, ...faults.map(fault => problemOf(fault, settings))];
  return { config: problems.length > 0 ? {} : finished(valuesOf(settings), workingDirectory), problems };
}

/** @param later properties that may be missing for now */
function load(
  given: readonly Source[],
  workingDirectory: string,
  later: ReadonlySet<string> = new Set(),
): LoadedConfig {
  const sources = given.map(source => withPoolHalves({ ...source, settings: withoutUnset(source.settings) }));
  const mistyped = sources.flatMap(({ settings }) =>
    check(valuesOf(settings))
      .filter(({ kind }) => kind === 'wrong-type')
      .map(fault => ({ property: fault.property, problem: problemOf(fault, settings) })),
  );
  const unusable = new Set(mistyped.map(({ property }) => property));
  const [settings, certificateWarnings] = withoutForeignCertificate(merge(sources), sources);
  const values = { ...configDefaults(), ...valuesOf(settings) };
  const faults = check(values).filter(
    ({ property, kind }) =>
      !unusable.has(property) &&
      !(kind === 'missing' && later.has(property)) &&
      // What nobody could read may have been where the missing property stood.
      !(kind === 'missing' && sources.some(({ unreadable }) => unreadable)),
  );
  const problems = [
    ...sources.flatMap(source => source.problems),
    ...mistyped.map(({ problem }) => problem),
    ...faults.map(fault => problemOf(fault, settings)),
  ];
  const warnings = [
    ...sources.flatMap(source => source.warnings ?? []),
    ...obsoleteWarnings(sources),
    ...certificateWarnings,
    ...unencrypted(settings),
  ];
  if (problems.length > 0) throw withRemarks(problems, warnings);

  const config = finished(values, workingDirectory) as WorkerConfig;
  const contradictions = [...windowsProblems(settings), ...portProblems(config)].map(invalid);
  if (contradictions.length > 0) throw withRemarks(contradictions, warnings);
  return { config, warnings };
}

/** The setting of each property that stands highest. */
function merge(sources: readonly Source[]): Settings {
  return new Map(sources.flatMap(source => [...source.settings]));
}

/** An empty text says "not set", so that it hides no good value of a lower place. */
function withoutUnset(settings: Settings): Settings {
  return new Map([...settings].filter(([, { value }]: [string, Setting]) => value !== ''));
}

/** Plain values for the schema; an object is laid over its default, key by key. */
function valuesOf(settings: Settings): Record<string, unknown> {
  return Object.fromEntries(
    [...settings].flatMap(([name, { value }]) => {
      const property = PROPERTIES.get(name);
      return property === undefined ? [] : [[name, completed(property, value)] as const];
    }),
  );
}

function completed(property: Property, value: unknown): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return property.type === 'object' && isObject ? { ...(property.default as object), ...value } : value;
}

/** Values as the worker gets them: secrets wrapped, paths absolute. */
function finished(
  values: Readonly<Record<string, unknown>>,
  workingDirectory: string,
): Partial<WorkerConfig> {
  const entries = Object.entries(values).map(([name, value]) => {
    const property = PROPERTIES.get(name);
    if (property?.secret) return [name, new Secret(value as string)] as const;
    if (property?.normal) return [name, property.normal(value as string)] as const;
    const isPath = property?.type === 'directory' || property?.type === 'file';
    return [name, isPath ? resolve(workingDirectory, value as string) : value] as const;
  });
  return Object.fromEntries(entries);
}

function withRemarks(problems: readonly Problem[], warnings: readonly ConfigWarning[]): ConfigurationError {
  return new ConfigurationError(
    problems,
    warnings.map(({ place, message }) => `${place}: ${message}`),
  );
}

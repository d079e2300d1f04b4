import { resolve } from 'node:path';
import {
  configDefaults,
  PROPERTIES,
  portProblems,
  type Property,
  type WorkerConfig,
} from '../../worker/config/index.ts';
import { Secret } from '../../base/index.ts';
import { withoutForeignCertificate } from './checks/certificate.ts';
import { check } from './checks/check.ts';
import { file } from './sources/file.ts';
import { flags, type GivenFlags } from './sources/flags.ts';
import { ConfigurationError, invalid, type Problem } from './problem.ts';
import { problemOf } from './checks/report.ts';
import { unencrypted } from './checks/exposure.ts';
import type { ConfigWarning, Setting, Settings, Source } from './source.ts';
import { ownVariables, standardVariables, type Environment } from './sources/variables.ts';
import { obsoleteWarnings } from './checks/warnings.ts';
import { windowsProblems } from './checks/windows.ts';
import { withPoolHalves } from './sources/worker-pool-id.ts';

interface ConfigInput extends GivenFlags {
  /** The file that `--config` names. */
  readonly file?: string | undefined;
  readonly environment: Environment;
  /** The base of relative paths; itself absolute. */
  readonly workingDirectory: string;
}

export interface LoadedConfig {
  readonly config: WorkerConfig;
  readonly warnings: readonly ConfigWarning[];
}

/**
 * Reads a configuration from these sources, each overriding those before it: defaults, the usual TASKCLUSTER_*
 * variables, the file, TCW_* variables, flags. The file overrides the usual variables because it was written for this
 * worker, while the variables belong to the shell of whoever starts it.
 *
 * @throws ConfigurationError with every problem of every source
 */
export async function readConfig(input: ConfigInput): Promise<LoadedConfig> {
  return loadSources(await readSources(input), input.workingDirectory);
}

/** The configuration sources on this machine, lowest priority first. */
export interface Sources {
  /** The TASKCLUSTER_* variables and the configuration file. */
  readonly written: readonly Source[];
  /** TCW_* variables and flags, which the person who starts the worker sets. */
  readonly now: readonly Source[];
}

/** Reads the configuration sources on this machine. Problems are collected in the sources and not thrown yet. */
export async function readSources(input: ConfigInput): Promise<Sources> {
  return {
    written: [
      standardVariables(input.environment),
      ...(input.file === undefined ? [] : [await file(input.file)]),
    ],
    now: [ownVariables(input.environment), flags(input)],
  };
}

/**
 * Combines sources into a configuration.
 *
 * @param between sources that override the written ones: the settings of the worker pool
 * @param above sources that nothing on this machine can override: the worker's identity from its registration
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
 * Makes the part of the configuration that is known before the worker registers.
 *
 * @param later properties that are set only by the registration
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

/** Reads only flags, for a command that sets the rest of the configuration itself. */
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
      // A source that could not be read may contain the missing property.
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

/** Takes the setting of each property from the highest source that has one. */
function merge(sources: readonly Source[]): Settings {
  return new Map(sources.flatMap(source => [...source.settings]));
}

/** Removes empty texts. They mean "not set" and must not hide a value from a lower source. */
function withoutUnset(settings: Settings): Settings {
  return new Map([...settings].filter(([, { value }]: [string, Setting]) => value !== ''));
}

/** Returns plain values for the schema. An object is merged into its default, key by key. */
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

/** Returns the values in the form that the worker uses: secrets wrapped, paths absolute. */
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

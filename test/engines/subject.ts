import type { ContainerPart } from '../../src/worker/engines/container.ts';
import type { Engine } from '../../src/worker/engines/engine.ts';
import type { Ability, ContractEngine } from './contract-lacks.ts';

export type Argv = readonly string[];

/** The commands of an engine that the contract needs. */
export interface Words {
  readonly print: (text: string) => Argv;
  readonly exit: (code: number) => Argv;
  readonly sleep: (ms: number) => Argv;
  /** Sleeps and ignores SIGTERM. Prints `ready` once it ignores the signal. */
  readonly ignoreStop: (ms: number) => Argv;
  /** Prints all variables, each followed by a NUL. */
  readonly environment: () => Argv;
  readonly stdin: () => Argv;
  readonly folder: () => Argv;
  readonly flood: (bytes: number) => Argv;
  readonly writeFile: (file: string, text: string) => Argv;
  readonly readFile: (file: string) => Argv;
  /** Exits immediately, and writes an empty file after this many ms. */
  readonly later: (ms: number, file: string) => Argv;
  /** Opens a connection to a server on this machine, and waits until the server closes it. */
  readonly connect: (port: number) => Argv;
  /** Uses this much CPU time, and then holds this much memory for a second. */
  readonly burn?: (cpuMs: number, bytes: number) => Argv;
  /** Prints to standard output and standard error. `shown` is the resulting output of the engine. */
  readonly errors?: { readonly argv: Argv; readonly shown: string };
}

/** An engine under test. */
export interface Subject {
  readonly name: string;
  readonly engine: Engine;
  readonly words: Words;
  /** The engine's key in `LACKS`. */
  readonly kind: ContractEngine;
  /** The container part for a run in a folder, if the engine runs containers. */
  readonly container?: (folder: string) => ContainerPart;
  /** Names of variables that commands have in addition to the given ones. */
  readonly ownVariables?: readonly string[];
  /** The address for a server that commands can reach. Default: 127.0.0.1. */
  readonly serverAddress?: string;
  /** The parent of the runs' folders. Default: the machine's folder for temporary files. */
  readonly tasksDir?: string;
}

export interface Promised {
  readonly says: string;
  /** An ability that the engine must have, or declare as missing. */
  readonly needs?: Ability;
  readonly check: (subject: Subject) => Promise<void>;
}

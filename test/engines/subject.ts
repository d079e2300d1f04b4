import type { ContainerPart } from '../../src/worker/engines/container.ts';
import type { Engine } from '../../src/worker/engines/engine.ts';
import type { Ability, ContractEngine } from './contract-lacks.ts';

export type Argv = readonly string[];

/** How an engine's commands say what the contract needs said. */
export interface Words {
  readonly print: (text: string) => Argv;
  readonly exit: (code: number) => Argv;
  readonly sleep: (ms: number) => Argv;
  /** Sleeps, and does not end when it is asked to. It prints `ready` when that is so. */
  readonly ignoreStop: (ms: number) => Argv;
  /** Prints each variable, ended by a NUL. */
  readonly environment: () => Argv;
  readonly stdin: () => Argv;
  readonly folder: () => Argv;
  readonly flood: (bytes: number) => Argv;
  readonly writeFile: (file: string, text: string) => Argv;
  readonly readFile: (file: string) => Argv;
  /** Ends at once, and writes an empty file so many ms later. */
  readonly later: (ms: number, file: string) => Argv;
  /** Opens a connection to a server of this machine, and waits until that closes it. */
  readonly connect: (port: number) => Argv;
  /** Uses that much CPU time, and has that much memory at the end, for a second. */
  readonly burn?: (cpuMs: number, bytes: number) => Argv;
  /** Prints to standard output and to standard error, which is how the engine shows both. */
  readonly errors?: { readonly argv: Argv; readonly shown: string };
}

/** An engine to which the contract is put. */
export interface Subject {
  readonly name: string;
  readonly engine: Engine;
  readonly words: Words;
  /** By which its lacks are known. */
  readonly kind: ContractEngine;
  /** What a run in a folder needs, of an engine of containers. */
  readonly container?: (folder: string) => ContainerPart;
  /** Names of variables that commands have beside what they are given. */
  readonly ownVariables?: readonly string[];
  /** Where a server listens that commands are to reach; 127.0.0.1 unless given. */
  readonly serverAddress?: string;
  /** The folder in which runs have theirs; the machine's folder for temporary files unless given. */
  readonly tasksDir?: string;
}

export interface Promised {
  readonly says: string;
  /** What an engine has to be able to do, or to say that it cannot. */
  readonly needs?: Ability;
  readonly check: (subject: Subject) => Promise<void>;
}

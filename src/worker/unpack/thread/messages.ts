import type { ProgramCell } from './program-cell.ts';
import type { Owner } from '../../files/owner.ts';
import type { ArchiveFormat, Compression } from '../formats.ts';
import { UnpackFault, type UnpackProblem } from '../unpack-fault.ts';

/** The job of a thread. Files are already open, and given by their descriptors. */
export type Job =
  | { readonly kind: 'decompress'; readonly format: Compression; readonly descriptor: number }
  | {
      readonly kind: 'unpack';
      readonly format: ArchiveFormat;
      readonly descriptor: number;
      /** The real path of the folder. */
      readonly folder: string;
      readonly reserveBytes: number;
      /** Whether the thread must ask the worker for the free space, instead of the system. */
      readonly asksForRoom: boolean;
      /** The owner of everything that is created. By default the worker's user. */
      readonly owner?: Owner;
    };

/** The input of a thread. */
export interface Given {
  readonly job: Job;
  readonly cell: ProgramCell;
}

/** A message from a thread. */
export type ThreadMessage =
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'progress'; readonly entries: number; readonly bytes: number }
  | { readonly kind: 'room?' }
  | { readonly kind: 'done'; readonly result?: unknown }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** A message to a thread. */
export type Answer = { readonly kind: 'more' } | { readonly kind: 'room'; readonly free: number };

/** An error in a form that survives the way out of a thread. Classes and codes would be lost. */
export interface Failure {
  readonly message: string;
  readonly problem?: UnpackProblem | undefined;
  readonly code?: string | undefined;
  readonly syscall?: string | undefined;
}

export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message } = error;
  if (error instanceof UnpackFault) return { message, problem: error.problem };
  const { code, syscall } = error as NodeJS.ErrnoException;
  return { message, code, syscall };
}

export function errorOf({ message, problem, code, syscall }: Failure): Error {
  if (problem !== undefined) return new UnpackFault(problem, message);
  return Object.assign(new Error(message), { ...(code && { code }), ...(syscall && { syscall }) });
}

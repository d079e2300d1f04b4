import type { SchemaPart } from '../schema-part.ts';
import type { FormatName, LogNames, TaskSpec } from '../task-spec.ts';

/** A payload as its format's schema accepted it. */
export type AcceptedPayload = Readonly<Record<string, unknown>>;

/** A way to write down what a task asks for. */
export interface PayloadFormat {
  readonly name: FormatName;
  /** What belongs to no feature. */
  readonly schema: SchemaPart;
  /** Whether somebody seems to have meant this format, of those that a worker takes. */
  isMeant(payload: unknown): boolean;
  /** What its schema accepts of a payload that says nothing. */
  readonly least: AcceptedPayload;
  /** What the schema cannot say is wrong, or not as well: each problem begins with its JSON pointer and a space. */
  problems?(payload: unknown): string[];
  /** The names of the log that a payload plainly meant, also of one that the schema does not accept. */
  logNames?(payload: unknown): LogNames;
  /** Reads a payload that the schema has accepted. */
  read(payload: AcceptedPayload): TaskSpec;
}

import type { SchemaPart } from '../schema-part.ts';
import type { FormatName, LogNames, TaskSpec } from '../task-spec.ts';

/** A payload as its format's schema accepted it. */
export type AcceptedPayload = Readonly<Record<string, unknown>>;

/** A format for payloads. */
export interface PayloadFormat {
  readonly name: FormatName;
  /** The part of the schema that belongs to no feature. */
  readonly schema: SchemaPart;
  /** Whether a payload seems to be in this format, among those that a worker accepts. */
  matches(payload: unknown): boolean;
  /** The smallest payload that the schema accepts. */
  readonly least: AcceptedPayload;
  /**
   * Returns problems that the schema cannot express, or not as well. Each begins with its JSON pointer and a
   * space.
   */
  problems?(payload: unknown): string[];
  /** Returns the names of the log that a payload clearly asks for, even if the schema does not accept it. */
  logNames?(payload: unknown): LogNames;
  /** Reads a payload that the schema has accepted. */
  read(payload: AcceptedPayload): TaskSpec;
}

/** A door of its own, so that the schema is loaded only by the command that prints it. */
export { payloadSchema } from '../worker/index.ts';

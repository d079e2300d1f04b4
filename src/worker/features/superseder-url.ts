import type { SchemaPart } from '../schema-part.ts';
import { feature, serving } from './feature.ts';

const PART: SchemaPart = { properties: { supersederUrl: { type: 'string', title: 'Ignored' } } };

/** `supersederUrl`: accepted for old task definitions. Tasks of today's queue do not supersede each other. */
export const supersederUrl = feature({
  name: 'supersederUrl',
  schema: { 'generic-worker': PART, 'docker-worker': PART },
  open: () => serving<never>({ ask: () => undefined, start: () => ({}) }),
});

import type { SchemaPart } from '../schema-part.ts';
import { feature, serving } from './feature.ts';

const PART: SchemaPart = { properties: { supersederUrl: { type: 'string', title: 'Ignored' } } };

/** `supersederUrl`: accepted for old task definitions. Today's queue has no superseding of tasks. */
export const supersederUrl = feature({
  name: 'supersederUrl',
  schema: { 'generic-worker': PART, 'docker-worker': PART },
  open: () => serving<never>({ ask: () => undefined, start: () => ({}) }),
});

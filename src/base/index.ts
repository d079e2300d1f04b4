/** What several floors need, and nobody exports. */
export { boundedCheck } from './bounded-check.ts';
export { listed, problemText } from './listed.ts';
export { uniqueItems } from './unique-items.ts';

export { mockEngine } from './mock-engine.ts';

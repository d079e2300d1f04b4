export { macUserEngine } from './user-engine.ts';

export { scriptEngine } from './script-engine.ts';

export { isAlive, ownLife } from './life.ts';
export { isGone, readProcFile } from './proc-file.ts';

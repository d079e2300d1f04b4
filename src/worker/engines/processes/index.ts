export { isAlive, lifeOf, ownLife, startOf } from './life.ts';
export { isGone, readProcFile } from './proc-file.ts';

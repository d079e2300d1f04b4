export { isAlive, lifeOf, ownLife, startOf } from './life.ts';
export { assertOfTheSystem, isGone, readProcFile } from './proc-file.ts';

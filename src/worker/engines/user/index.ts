export { CannotWorkHere } from './cannot-work-here.ts';
export { macUserEngine } from './mac/index.ts';
export { userEngine, type UserEngine, type UserEngineOptions } from './user-engine.ts';

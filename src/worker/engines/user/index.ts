export { CannotWorkHere, userEngine, type UserEngine, type UserEngineOptions } from './user-engine.ts';

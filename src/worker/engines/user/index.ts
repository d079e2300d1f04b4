export { UserEngineUnavailable } from './engine-unavailable.ts';
export { macUserEngine } from './mac/index.ts';
export { userEngine, type UserEngine, type UserEngineOptions } from './user-engine.ts';

export { canRunContainers } from './can-run-containers.ts';
export { DockerError } from './api/index.ts';
export { dockerEngine, type DockerEngine } from './docker-engine.ts';
export type { RegistryCredentials } from './images/index.ts';
export { dockerLeftovers } from './leftovers/without-engine.ts';

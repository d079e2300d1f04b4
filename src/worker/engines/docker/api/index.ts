export { addressOf } from './address.ts';
export { answers } from './answers.ts';
export { DockerClient } from './client.ts';
export { connectDocker, type Connected, type EngineVersion } from './connect.ts';
export { codeOf, DockerError, hasStatus, isUnanswered } from './docker-error.ts';
export { isListening } from './is-listening.ts';

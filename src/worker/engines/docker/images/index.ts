export { dockerImages, type DockerImages, type DockerImagesOptions } from './docker-images.ts';
export type { RegistryCredentials } from './pull-image.ts';

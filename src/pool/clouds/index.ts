/** Clouds, as the machines in them see them. */
export { connectCloud, type Cloud, type CloudName } from './clouds.ts';
export { spotNotices } from './spot-notices.ts';

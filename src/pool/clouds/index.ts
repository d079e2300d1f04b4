/** Clouds, as seen from the machines in them. */
export { connectCloud, type Cloud, type CloudName } from './clouds.ts';
export { spotNotices } from './spot-notices.ts';

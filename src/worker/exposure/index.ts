/** Makes a worker reachable from outside: one HTTP server, and the ways that lead to it. */
export { NoWayIn, type Exposed, type Exposure, type Handler } from './exposure.ts';
export { openExposure } from './open-exposure.ts';
export { refuse } from './refuse.ts';
export { tunnelWay } from './tunnel/index.ts';
export { configuredWay } from './ways.ts';

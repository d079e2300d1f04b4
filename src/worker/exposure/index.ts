/** Makes a worker reachable from outside: one HTTP server, and the methods of reaching it. */
export { ExposureNotConfigured, type Exposed, type Exposure, type Handler } from './exposure.ts';
export { openExposure } from './open-exposure.ts';
export { refuse } from './refuse.ts';
export { tunnelMethod } from './tunnel/index.ts';
export { configuredMethod } from './configured-method.ts';

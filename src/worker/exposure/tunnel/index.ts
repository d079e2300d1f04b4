/** Makes a worker on a private network reachable through a websocktunnel server. */
export { tunnelMethod } from './tunnel-method.ts';

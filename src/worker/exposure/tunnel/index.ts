/** Makes a worker on a private network reachable through a websocktunnel server. */
export { tunnelWay } from './way.ts';

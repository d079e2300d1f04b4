/** Reaches a worker on a private network through a websocktunnel server. */
export { tunnelWay } from './way.ts';

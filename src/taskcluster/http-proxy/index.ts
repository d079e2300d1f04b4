/** The HTTP proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name. */
export { proxyConnector, throughProxies, websocketOptions } from './connect-through.ts';
export { proxyPasswords, proxyProblems } from './proxy-for.ts';
export { proxiedAgent, viaProxies } from './proxied-requests.ts';

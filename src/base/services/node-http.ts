/**
 * Node's `http` and `https`. A static import of `node:http` evaluates its WebSocket exports. These load HTTP/2, web
 * streams and a second HTTP client, which costs 12 MB of memory and a tenth of a worker's start time.
 */
export const http = process.getBuiltinModule('node:http');

/** Loads TLS. Call this only where TLS is needed. */
export const https = () => process.getBuiltinModule('node:https');

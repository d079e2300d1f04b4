/** Answers whether the service is alive. Every service has this call. */
export function ping(): { alive: boolean; uptime: number } {
  return { alive: true, uptime: process.uptime() };
}

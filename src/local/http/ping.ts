/** Whether anybody is there. Every service has this call. */
export function ping(): { alive: boolean; uptime: number } {
  return { alive: true, uptime: process.uptime() };
}

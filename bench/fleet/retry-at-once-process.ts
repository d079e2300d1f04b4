// Workers that report the end of a run to the given queue, and retry at once until the report is accepted.
import http from 'node:http';

const [rootUrl = '', workers = ''] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });

await Promise.all(
  Array.from({ length: Number(workers) }, async () => {
    while ((await report()) !== 200);
  }),
);
agent.destroy();

async function report(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  http
    .request(`${rootUrl}/api/queue/v1/task/T/runs/0/exception`, { method: 'POST', agent }, response => {
      response.resume().on('end', () => {
        resolve(response.statusCode ?? 0);
      });
    })
    .on('error', reject)
    .end('{"reason":"worker-shutdown"}');
  return promise;
}

import { execa } from 'execa';

/** How to reach a broker's `rabbitmqctl`. Plain data, so that it can be handed to another process. */
export interface ControlCoordinates {
  /** The command that runs `rabbitmqctl`, which takes about half a second each time. */
  readonly command: readonly string[];
  /** The environment in which that finds its node and its cookie. */
  readonly env: Readonly<Record<string, string>>;
  /** The definitions file, as `rabbitmqctl` sees it. */
  readonly definitions: string;
}

export interface QueueSeen {
  readonly name: string;
  /** Ready and unacknowledged ones. */
  readonly messages: number;
  readonly messages_unacknowledged: number;
  readonly consumers: number;
}

export interface ConnectionSeen {
  /** As `rabbitmqctl close_connection` wants it. */
  readonly pid: string;
  readonly user: string;
  /** `connection_name` of the client's properties; undefined when it gave none. */
  readonly connectionName: string | undefined;
}

/** What a broker costs its machine. */
export interface BrokerUsage {
  /** Resident, in bytes, as the broker itself reckons it. */
  readonly memoryBytes: number;
  /** Of all of its schedulers since it was started, in ms. */
  readonly cpuMs: number;
}

/** A broker as its operator sees it. */
export interface BrokerControl {
  queues(): Promise<QueueSeen[]>;
  connections(): Promise<ConnectionSeen[]>;
  readonly usage: () => Promise<BrokerUsage>;
  /** Closes connections from the broker's side (320); returns how many there were. */
  closeConnections(which: (connection: ConnectionSeen) => boolean): Promise<number>;
  /** Deletes a user, which closes its connections, as Pulse does when a password is changed. */
  deleteUser(name: string): Promise<void>;
  /** Makes the users and permissions of definitions.json what they were. */
  restoreUsers(): Promise<void>;
  /** Raises or clears the memory alarm, which blocks every connection that publishes. */
  memoryAlarm(raised: boolean): Promise<void>;
  /** Closes the port and every connection. What is durable stays. */
  stop(): Promise<void>;
  /** Opens the port again; settles when clients can connect. */
  start(): Promise<void>;
}

/**
 * Controls the broker at the other end, from any process of this machine.
 *
 * Tests that share a broker may only look, and close their own connections; whatever touches others needs a broker
 * of its own (`startOwnBroker`).
 */
export function brokerControl(coordinates: ControlCoordinates): BrokerControl {
  const [program = '', ...prefix] = coordinates.command;

  async function run(...args: string[]): Promise<string> {
    const { stdout } = await execa(program, [...prefix, '--quiet', ...args], {
      env: coordinates.env,
      timeout: 60_000,
    });
    return stdout;
  }
  async function connections(): Promise<ConnectionSeen[]> {
    // The JSON formatter writes pids that `close_connection` does not take.
    const table = await run('list_connections', '--no-table-headers', 'pid', 'user', 'client_properties');
    return table
      .split('\n')
      .filter(line => line !== '')
      .map(line => {
        const [pid = '', user = '', properties = ''] = line.split('\t');
        return { pid, user, connectionName: /\{"connection_name","([^"]*)"\}/.exec(properties)?.[1] };
      });
  }

  return {
    async queues() {
      const columns = ['name', 'messages', 'messages_unacknowledged', 'consumers'];
      return JSON.parse(await run('list_queues', '--formatter', 'json', ...columns)) as QueueSeen[];
    },
    connections,
    async usage() {
      // `runtime` is the CPU time of the whole Erlang machine.
      const expression =
        'io_lib:format("~b ~b", [vm_memory_monitor:get_process_memory(), element(1, erlang:statistics(runtime))]).';
      const [memoryBytes = 0, cpuMs = 0] = (await run('eval', expression)).match(/\d+/g)?.map(Number) ?? [];
      return { memoryBytes, cpuMs };
    },
    async closeConnections(which) {
      const chosen = (await connections()).filter(which);
      await Promise.all(chosen.map(({ pid }) => run('close_connection', pid, 'closed by a test')));
      return chosen.length;
    },
    async deleteUser(name) {
      await run('delete_user', name);
    },
    async restoreUsers() {
      await run('import_definitions', coordinates.definitions);
    },
    async memoryAlarm(raised) {
      await run('set_vm_memory_high_watermark', raised ? '0' : '0.8');
    },
    async stop() {
      await run('stop_app');
    },
    async start() {
      await run('start_app');
    },
  };
}

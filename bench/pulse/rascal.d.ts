// rascal ships no types. This declares the parts that the benchmark uses.
declare module 'rascal' {
  interface Subscription {
    on(event: 'message', listener: (message: unknown, content: unknown, ackOrNack: () => void) => void): this;
  }
  interface Publication {
    on(event: 'success' | 'error', listener: (reason: unknown) => void): this;
  }
  interface Broker {
    subscribe(name: string): Promise<Subscription>;
    publish(name: string, message: object, routingKey: string): Promise<Publication>;
    shutdown(): Promise<void>;
  }
  const rascal: { readonly BrokerAsPromised: { create(config: object): Promise<Broker> } };
  export default rascal;
}

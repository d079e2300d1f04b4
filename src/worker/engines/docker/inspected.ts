/** What the engine says of a container, as far as it is read here. */
export interface Inspected {
  readonly State: { readonly OOMKilled: boolean };
  /** The program that is run in it. */
  readonly Path: string;
  readonly Config: { readonly Env: readonly string[] | null; readonly WorkingDir: string };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly NetworkID: string; readonly IPAddress: string }>>;
  };
}

/** The parts of a container's description that are used here. */
export interface Inspected {
  readonly State: { readonly OOMKilled: boolean };
  /** The program that runs in it. */
  readonly Path: string;
  readonly Config: { readonly Env: readonly string[] | null; readonly WorkingDir: string };
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly NetworkID: string; readonly IPAddress: string }>>;
  };
}

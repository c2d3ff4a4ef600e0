/** Alert: who is told when a task becomes unhealthy, and when it has recovered. */

/** Where news of health goes. Holds secrets: for the network and the system alone. */
export type Alert =
  /** Is sent JSON by POST. */
  | {
    readonly kind: "webhook";
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
  }
  /** Is run with JSON on its standard input. */
  | { readonly kind: "command"; readonly command: readonly [string, ...string[]] };

/** What `doctor` finds out, one thing at a time. */

/** What was looked at. */
export type Check =
  | "config"
  | "secrets"
  | "store"
  | "state"
  | "host"
  | "alerts"
  | "schedule"
  | "permissions";

/** One thing found out. */
export interface Finding {
  /** What was looked at. */
  readonly check: Check;
  /** `note` is worth knowing, and nothing is wrong. */
  readonly verdict: "good" | "note" | "wrong";
  /** One sentence for people, without a full stop and without a secret. */
  readonly message: string;
}

/** What an error says to people. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The entries of an outbox: changes that the hooks of a task receive. */

/** A published file of a change. */
export interface ChangedFile {
  /** Its key. */
  readonly key: string;
  /** Digest of its bytes, lower-case hexadecimal. */
  readonly sha256: string;
  /** Its size in bytes. */
  readonly sizeBytes: number;
  /** The file that the task had published before, or that this one replaced; or null. */
  readonly previous: {
    /** Its key. */
    readonly key: string;
    /** Digest of its bytes, lower-case hexadecimal; null if unknown. */
    readonly sha256: string | null;
    /** Its size in bytes. */
    readonly sizeBytes: number;
  } | null;
}

/** A change that the hooks of a task receive: an entry of its outbox. Times are RFC 3339 in UTC. */
export interface Delivery {
  /** Unique, and in the order of the changes: the idempotency key. */
  readonly id: string;
  /** What happened to the file. */
  readonly status: "created" | "updated";
  /** Id of the run. */
  readonly run: string;
  /** The requested URL, redacted. */
  readonly url: string;
  /** The changed files; at least one. */
  readonly files: readonly ChangedFile[];
  /** When publishing began. */
  readonly claimedAt: string;
  /** When the record was saved; null if the process ended before, and the file may be missing. */
  readonly publishedAt: string | null;
  /** The hooks that have received it; see `hookId`. */
  readonly received: readonly string[];
  /** Number of failed attempts. */
  readonly failures: number;
  /** Before when it is not tried again; null for any time. */
  readonly retryAt: string | null;
  /** Why the last attempt failed, in one sentence; or null. */
  readonly message: string | null;
}

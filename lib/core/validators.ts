/** Validators: what is remembered about published bytes, to ask whether they are still the newest. */

/** ETag, Last-Modified, digest and size of the published bytes, and where they came from. */
export interface Validators {
  /** Name of the file in the store. */
  readonly key: string;
  /** The task's URL or mirror that was asked, redacted; validators say nothing about another one. */
  readonly source: string;
  /** The ETag header as received (RFC 9110, section 8.8.3), or null. */
  readonly etag: string | null;
  /** The Last-Modified header as received (RFC 9110, section 8.8.2), or null. */
  readonly lastModified: string | null;
  /** Lower-case hexadecimal digest of the whole file. */
  readonly sha256: string;
  /** Size of the file. */
  readonly sizeBytes: number;
  /** What the store calls this very file, as against any other under its key. */
  readonly revision: string;
}

/** What the server of a bucket can do, as far as a run has learned it. */

/** Whether a server has a feature. */
export type Support = "unknown" | "yes" | "no";

/** Features that servers of S3's API lack, or have in several forms. */
export interface ServerFeatures {
  /**
   * How `If-Match` of a PUT is compared: with the ETag in its quotes (RFC 9110, section 13.1.1), or
   * only without them (Ceph). `no`: it is ignored or rejected.
   */
  readonly ifMatch: "unknown" | "quoted" | "unquoted" | "no";
  /** Whether `If-None-Match: *` of a PUT is checked. */
  readonly ifNoneMatch: Support;
  /** Whether the same conditions may be sent when an upload in parts is completed. */
  readonly completionConditions: Support;
  /** Whether a PUT may have `x-amz-checksum-sha256`. */
  readonly checksums: Support;
  /**
   * How bytes are copied within the server: in parts (UploadPartCopy), as whole objects
   * (CopyObject, up to 5 GiB), or not at all, so that they are read and uploaded again.
   */
  readonly copies: "unknown" | "parts" | "objects" | "no";
  /**
   * How pending uploads are listed: all of a prefix, only without a prefix, only those of one exact
   * key, or not at all. Those of crashed runs are only found by the first two.
   */
  readonly uploadLists: "unknown" | "prefix" | "bucket" | "key" | "no";
  /** Whether lists of objects have ETags; otherwise each object is a request. */
  readonly listEtags: Support;
  /** The region of the bucket according to the server, if it is not the configured one; or null. */
  readonly otherRegion: string | null;
}

/** What is known before the first response. */
const NOTHING_KNOWN: ServerFeatures = {
  ifMatch: "unknown",
  ifNoneMatch: "unknown",
  completionConditions: "unknown",
  checksums: "unknown",
  copies: "unknown",
  uploadLists: "unknown",
  listEtags: "unknown",
  otherRegion: null,
};

/** The features of one server, updated as responses show them. */
export class LearnedFeatures {
  #known = NOTHING_KNOWN;

  /** What is known. */
  get known(): ServerFeatures {
    return this.#known;
  }

  /** Records what a response has shown. */
  learn(shown: Partial<ServerFeatures>): void {
    this.#known = { ...this.#known, ...shown };
  }
}

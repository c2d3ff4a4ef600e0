/** Where a bucket is, as a config says it: `s3://bucket/prefix?endpoint=…&region=…`. */

import { trimEndOf } from "./text.ts";

/** A bucket, and the part of it that is cronfetch's. */
export interface BucketLocation {
  /** Name of the bucket. */
  readonly bucket: string;
  /** What every key begins with, without slashes at its ends; `""` for the whole bucket. */
  readonly prefix: string;
  /** URL of the service, or null for AWS and what the environment says. */
  readonly endpoint: string | null;
  /** Name of the region, or null for what the environment says. */
  readonly region: string | null;
}

/** S3's rules for names of buckets, as far as they are easily told. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

const FORM = 'must be "s3://bucket/prefix", the bucket of 3 to 63 lower-case characters';
const NO_SECRETS =
  "must not hold credentials; they are taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/**
 * Reads a location that begins with `s3:`. A prefix is taken as it stands: nothing
 * in it is decoded.
 *
 * @returns A complaint that repeats nothing of the text, where it is none.
 */
export function parseBucket(text: string): BucketLocation | { readonly complaint: string } {
  const [, place = "", query = ""] = /^s3:\/\/([^?]*)(?:\?(.*))?$/s.exec(text) ?? [];
  const [bucket = "", ...segments] = place.split("/");
  if (bucket.includes("@")) return { complaint: NO_SECRETS };
  if (!BUCKET.test(bucket)) return { complaint: FORM };
  const prefix = trimEndOf(segments.join("/").replace(/^\/+/, ""), "/");
  const parts = prefix === "" ? [] : prefix.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) {
    return { complaint: 'must not have ".", ".." or nothing between two slashes of its prefix' };
  }
  let endpoint: string | null = null;
  let region: string | null = null;
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === "endpoint") {
      if (!isEndpoint(value)) {
        return {
          complaint: 'must have the URL of a server as "endpoint", and no credentials in it',
        };
      }
      endpoint = value.replace(/\/$/, "");
    } else if (name === "region") {
      if (!/^[a-z0-9-]+$/.test(value)) {
        return { complaint: 'must have the name of a region as "region"' };
      }
      region = value;
    } else {
      const isSecret = /key|secret|token|credential|password/i.test(name);
      return {
        complaint: isSecret ? NO_SECRETS : 'may only have "endpoint" and "region" behind "?"',
      };
    }
  }
  return { bucket, prefix, endpoint, region };
}

function isEndpoint(text: string): boolean {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { username, password, pathname, search, hash } = new URL(text);
  return username === "" && password === "" && pathname === "/" && search === "" && hash === "";
}

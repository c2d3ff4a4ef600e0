/** Buckets of a server that is a function. */

import { byteResponse } from "../../helpers/byte_response.ts";
import { type TestHost, testHost, type TestHostOptions } from "../../helpers/host.ts";

/** Where the bucket is. */
export const LOCATION = {
  kind: "s3",
  bucket: "b",
  prefix: "",
  endpoint: "http://127.0.0.1:9",
  region: null,
} as const;
const ENV = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };

/** A request that the server received. */
export interface Received {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
}

/** Responds to a request. */
export type Answer = (url: URL, init: RequestInit) => Response | Promise<Response>;

/** A host with a `fetch` that responds so, and the requests it received. */
export function serving(answer: Answer): { host: TestHost; requests: Received[] } {
  const requests: Received[] = [];
  const options: TestHostOptions = {
    env: ENV,
    timers: "manual",
    fetch: (text, init) => {
      const url = new URL(text);
      requests.push({ url, method: init.method ?? "GET", headers: new Headers(init.headers) });
      return Promise.resolve(answer(url, init));
    },
  };
  return { host: testHost(options), requests };
}

/** A response with a document. */
export function xml(text: string): Response {
  return byteResponse(`<?xml version="1.0"?>${text}`);
}

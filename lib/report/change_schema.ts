/**
 * The JSON Schema (draft 2020-12) of the document that hooks receive, the contract with commands and
 * webhooks of `onChange`. Changes are additive: readers ignore unknown fields.
 */

import {
  COUNT,
  described,
  type EventJsonSchema,
  object,
  orNull,
  TEXT,
  TIME,
} from "./event_schema.ts";
import type { ChangedFileDocument, ChangeDocument } from "./hooks.ts";

const SHA256 = { type: "string", pattern: "^[0-9a-f]{64}$" };

const PREVIOUS = object<NonNullable<ChangedFileDocument["previous"]>>({
  key: described(TEXT, "Its name in the store."),
  sha256: described(orNull(SHA256), "Its digest, or null if it is unknown."),
  sizeBytes: described(COUNT, "Its size."),
});

const FILE = object<ChangedFileDocument>({
  key: described(TEXT, "Its name in the store."),
  path: described(
    orNull(TEXT),
    "Absolute path; null in a bucket, and if this machine does not have the file.",
  ),
  sha256: described(SHA256, "Digest of the published bytes."),
  sizeBytes: described(COUNT, "Size of the published bytes."),
  previous: described(
    orNull(PREVIOUS),
    "The file that the task had published before, or that this one replaced; null for none.",
  ),
});

const SCHEMA: EventJsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "cronfetch change",
  description:
    "The document that a hook of onChange receives. Fields may be added: ignore unknown " +
    "ones.",
  ...object<ChangeDocument>({
    type: { const: "task.changed" },
    id: described(TEXT, "The idempotency key: a change that is delivered again has the same."),
    task: described(TEXT, "The task's id."),
    status: described({ enum: ["created", "updated"] }, "Status of the result."),
    run: described(TEXT, "Id of the run that published the files."),
    url: described(TEXT, "The requested URL, without secrets."),
    publishedAt: described(TIME, "When the files were published, in UTC."),
    attempt: described(
      { type: "integer", minimum: 1 },
      "Number of the attempt to deliver the change; the first is 1.",
    ),
    files: described({ type: "array", items: FILE, minItems: 1 }, "The changed files."),
  }),
};

/**
 * The JSON Schema of the document that hooks receive, as published in `cronfetch.change.schema.json`. It
 * describes this version.
 */
export function changeJsonSchema(): EventJsonSchema {
  return SCHEMA;
}

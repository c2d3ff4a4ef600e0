import { assertEquals, assertThrows } from "@std/assert";
import { DriverError } from "../../../lib/store/errors.ts";
import {
  completionOf,
  quotedEtag,
  readCompleted,
  readCopied,
  readErrorAnswer,
  readObjects,
  readUploadId,
  readUploads,
} from "../../../lib/store/s3/answers.ts";

Deno.test("readObjects: quotes of ETags escaped, missing, or plain", () => {
  const entry = (key: string, etag: string) =>
    `<Contents><Key>${key}</Key><LastModified>2026-01-15T12:00:00.000Z</LastModified>${etag}` +
    "<Size>4</Size></Contents>";
  const { items, next } = readObjects(
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>true' +
      "</IsTruncated><NextContinuationToken>t</NextContinuationToken>" +
      entry("a &amp; b", "<ETag>&quot;1&quot;</ETag>") + entry("c", "<ETag>2</ETag>") +
      entry("d", "") + entry("e", "<ETag/>") + "</ListBucketResult>",
  );
  assertEquals(items.map(({ key, etag }) => [key, etag]), [
    ["a & b", '"1"'],
    ["c", '"2"'],
    ["d", null],
    ["e", null],
  ]);
  assertEquals([items[0]?.sizeBytes, items[0]?.modifiedMs], [4, Date.UTC(2026, 0, 15, 12)]);
  assertEquals(next, "t");
});

Deno.test("readUploads, readUploadId, readCompleted, readCopied", () => {
  const uploads = readUploads(
    "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>k</NextKeyMarker>" +
      "<NextUploadIdMarker/><Upload><Key>a</Key><UploadId>1</UploadId></Upload>" +
      "</ListMultipartUploadsResult>",
  );
  assertEquals(uploads, {
    items: [{ key: "a", id: "1", initiatedMs: 0 }],
    next: { key: "k", id: null },
  });
  const started = "<InitiateMultipartUploadResult><UploadId>u</UploadId>" +
    "</InitiateMultipartUploadResult>";
  assertEquals(readUploadId(started), "u");
  // A server sends blanks before the result, to keep the connection alive.
  const completed = '<?xml version="1.0"?>\n\n   <CompleteMultipartUploadResult><ETag>e-2</ETag>' +
    "</CompleteMultipartUploadResult>";
  assertEquals(readCompleted(completed), '"e-2"');
  const copied = "<CopyPartResult><ETag/></CopyPartResult>";
  assertEquals(readCopied(copied, "CopyPartResult"), null);
});

Deno.test("row 206: a response of another kind is an error", () => {
  const table: (() => unknown)[] = [
    () => readObjects("<html><body>Sign in</body></html>"),
    () => readObjects("<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>"),
    () => readObjects("<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>"),
    () => readObjects(""),
    () => readUploadId("<InitiateMultipartUploadResult/>"),
    () => readCompleted("<CompleteMultipartUploadResult/>"),
  ];
  for (const read of table) {
    assertEquals(assertThrows(read, DriverError).code, "store.failed");
  }
});

Deno.test("readErrorAnswer: with or without a wrapper; null for anything else", () => {
  const error = "<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>";
  const read = { code: "NoSuchKey", message: "gone", region: null };
  assertEquals(readErrorAnswer(error), read);
  assertEquals(readErrorAnswer(`<ErrorResponse>${error}</ErrorResponse>`), read);
  for (const text of ["", "Bad Gateway", "<html><p></html>", "<a/>"]) {
    assertEquals(readErrorAnswer(text), null);
  }
});

Deno.test("completionOf: parts in order, ETags escaped", () => {
  const parts = [{ number: 1, etag: '"a"' }, { number: 2, etag: '"b"' }];
  assertEquals(
    completionOf(parts).split("/doc/2006-03-01/")[1],
    '"><Part><PartNumber>1</PartNumber><ETag>&#34;a&#34;</ETag></Part>' +
      "<Part><PartNumber>2</PartNumber><ETag>&#34;b&#34;</ETag></Part></CompleteMultipartUpload>",
  );
});

Deno.test("quotedEtag", () => {
  const table = [["a", '"a"'], ['"a"', '"a"'], ['W/"a"', 'W/"a"'], ["", null], ['""', null]];
  for (const [etag = "", quoted] of table) assertEquals(quotedEtag(etag), quoted);
  assertEquals(quotedEtag(null), null);
});

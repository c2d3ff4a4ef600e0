import { assertEquals } from "@std/assert";
import { isErrorDocument, xmlErrorIn } from "../../lib/content/error_document.ts";

const ERRORS: readonly unknown[] = [
  { error: "not found" },
  { error: true, message: "x" },
  { error: 1, message: "x" },
  { error: 404 },
  { error: { code: 498, message: "Invalid token.", details: [] } },
  { errors: [{ message: "x" }], data: null },
  { errors: "[API] Invalid API key" },
  { "odata.error": { code: "", message: { lang: "en", value: "x" } } },
  { "Error Message": "Invalid API call" },
  { "@type": "x", error: "y" },
  { errorMessage: "x", errorType: "y", stackTrace: ["z"] },
  { fault: { faultstring: "Invalid ApiKey", detail: { errorcode: "x" } } },
  { help: "http://x/", success: false, error: { message: "x", __type: "Not Found Error" } },
  { success: false },
  { ok: false, error: "invalid_auth" },
  { Response: "False", Error: "Movie not found!" },
  { status: "error", message: "x" },
  { status: "error" },
  { status: 404 },
  { statusCode: "503", message: "x" },
  { cod: 401, message: "x" },
  { message: "Forbidden" },
  { Message: "User is not authorized to access this resource" },
  { message: "API rate limit exceeded", documentation_url: "https://x/" },
  { detail: "Not found." },
  { code: "InvalidToken", message: "The token is invalid" },
  { __type: "AccessDeniedException", message: "Access denied" },
  { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message: "x", code: 404 },
  [{ message: "Session expired or invalid", errorCode: "INVALID_SESSION_ID" }],
  [{ error: { code: 400, message: "x", status: "INVALID_ARGUMENT" } }],
  { error: "not_found", resource: "x", attempt: 2 },
  { data: null, errors: [{ message: "x" }] },
  { results: [], status: "REQUEST_DENIED", error_message: "x" },
  { title: "Forbidden", status: 403 },
  { status: "fail", data: { title: "A title is required" } },
  { __type: "AccessDeniedException", Message: "x" },
  { object: "error", message: "x" },
  { message: "You are being rate limited.", retry_after: 64.57, global: false },
  { retry_after: 5, message: "You are being rate limited." },
  {
    status: { timestamp: "x", error_code: 1002, error_message: "x", elapsed: 10, credit_count: 0 },
  },
  { chart: { result: null, error: { code: "Not Found", description: "No data found" } } },
  { meta: { code: 401, error_type: "invalid_auth", error_detail: "x" }, response: {} },
  { quandl_error: { code: "QECx02", message: "x" } },
  { api_errors: ["x"] },
  { Note: "Our standard API call frequency is 5 calls per minute." },
  { err: "not found" },
  { err: { code: 1, msg: "x" } },
  { message: "no Route matched with those values", request_id: "x" },
  { Message: "An error has occurred.", ExceptionMessage: "x", ExceptionType: "y" },
  { code: "rest_no_route", message: "No route was found", data: { status: 404 } },
  { ErrorNumber: 10, Type: "ValidationException", Message: "x" },
  { resultCode: "ERR", resultMessage: "x" },
  { errcode: 40001, errmsg: "invalid credential" },
];

Deno.test("row 117: isErrorDocument recognizes reports of errors", () => {
  for (const value of ERRORS) {
    assertEquals(isErrorDocument(JSON.stringify(value)), true, JSON.stringify(value));
    assertEquals(isErrorDocument(`\n ${JSON.stringify(value, null, 2)}\n`), true);
  }
});

const DATA: readonly unknown[] = [
  {},
  [],
  [{}],
  "error",
  { a: 1 },
  { a: { error: "x" } },
  { error: null, data: [1] },
  { error: false, message: "x" },
  { error: "", items: [] },
  { error: 0 },
  { error: 0.02, mean: 3 },
  { error: "none", value: 1 },
  { errors: [], files: ["a"] },
  { errors: [{ line: 1 }], files: [{ name: "a.ts" }] },
  { error: "x", rows: [1, 2] },
  { items: [1], error: "x" },
  { error_rate: 0.1 },
  { message: "Hello, world" },
  { message: "All good", id: 1 },
  { status: "ok", message: "no errors found" },
  { code: 0, message: "invalid keys: none" },
  { code: 200, message: "success", data: { error: "x" } },
  { success: true, error: null },
  { id: 1, name: "job", status: "failed", url: "https://x/" },
  { id: 1, name: "pump", title: "Error pump", description: "fails", status: "active" },
  { code: "DE", name: "Germany" },
  { type: "FeatureCollection", features: [{ error: 1 }] },
  { title: "Access denied", description: "a film" },
  { version: "1.0", error: "x" },
  [{ error: "a" }, { error: "b" }],
  { errcode: 0, errmsg: "ok" },
  { standard_error: { mean: 1 } },
  { std_error: 0.5, n: 3 },
  { event: { type: "error", message: "login failed" } },
  { status: "fail", checks: { db: 1 } },
  { id: 1, status: "failed", title: "x", description: "y" },
  { data: { message: "not found" } },
  { message: "Not found", title: "Error" },
  { type: "object", title: "Error", description: "An error response" },
  { kind: "Deployment", apiVersion: "v1", metadata: { name: "x" }, spec: {} },
];

Deno.test("row 117: isErrorDocument: data with members of any name is none", () => {
  for (const value of DATA) {
    assertEquals(isErrorDocument(JSON.stringify(value)), false, JSON.stringify(value));
  }
  for (const text of ['{"error":', '{"error":"x"}\n{"error":"y"}', "error", ""]) {
    assertEquals(isErrorDocument(text), false, text);
  }
});

const XML_ERROR = "an XML error document";

const XML_ERRORS: readonly (readonly [text: string, found: string | null])[] = [
  ["<Error><Code>NoSuchKey</Code></Error>", `${XML_ERROR} (NoSuchKey)`],
  [
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>No</Message>',
    `${XML_ERROR} (AccessDenied)`,
  ],
  ["<Error>\n  <Code>\n SignatureDoesNotMatch </Code>", `${XML_ERROR} (SignatureDoesNotMatch)`],
  ['<Error xmlns="x"><Message>No such file</Message>', XML_ERROR],
  ['<m:error xmlns:m="x"><m:code>ResourceNotFound</m:code>', `${XML_ERROR} (ResourceNotFound)`],
  ['<ErrorResponse xmlns="https://sts.amazonaws.com/doc/"><Error>', XML_ERROR],
  ['<ServiceExceptionReport version="1.3.0"><ServiceException>', XML_ERROR],
  ['<ows:ExceptionReport xmlns:ows="x"><ows:Exception>', XML_ERROR],
  ["<s:Envelope><s:Body><s:Fault><faultcode>", XML_ERROR],
  ["<s:Envelope><s:Body><GetResponse>", null],
  ["<Errors><Code>a</Code></Errors>", null],
  ["<error><line>5</line></error>", null],
  ["<list><Error><Code>a</Code></Error></list>", null],
  ["text <Error><Code>a</Code></Error>", null],
  ['<?xml version="1.0"?><error>Not found</error>', XML_ERROR],
  ['<error code="404" message="x"/>', XML_ERROR],
  ["<error><status>404</status></error>", XML_ERROR],
  ["<Fault><faultstring>x</faultstring></Fault>", XML_ERROR],
  ["<exception>", null],
  ["<errors><error><id>1</id></error></errors>", XML_ERROR],
  ['<errors><e id="1"/></errors>', null],
  ["<hash><status>401</status><error>x</error></hash>", XML_ERROR],
  ['<rsp stat="fail"><err code="1" msg="x"/></rsp>', XML_ERROR],
  ['<response status="error"><message>x</message></response>', XML_ERROR],
  ['<OAI-PMH><request/><error code="badArgument">x</error></OAI-PMH>', XML_ERROR],
  ["<response><error>0</error><data/></response>", null],
  ["<response><error/><data/></response>", null],
  ["<response><error></error><data/></response>", null],
  ["<response><errorcount>0</errorcount></response>", null],
  [`<response>${"<a/>".repeat(2_000)}<error>x</error></response>`, null],
  [`<error>${"<entry/>".repeat(2_000)}</error>`, null],
];

Deno.test("xmlErrorIn: error documents of object stores and services", () => {
  for (const [text, found] of XML_ERRORS) assertEquals(xmlErrorIn(text), found, text);
});

/** The schema of a request that is not a plain GET. */

import * as z from "zod/mini";
import { object, oneOf, option, titled, withMessage } from "./fields.ts";

/** Methods of requests that read. */
export const method = oneOf(["GET", "POST", "QUERY"]);

const FORM_VALUE = withMessage("must be text, a number, true or false, or a list of them");

const formValue = z.union(
  [titled("text", z.string()), titled("number", z.number()), z.boolean()],
  FORM_VALUE,
);

const SENTENCE = 'must be an object of json, form or text, such as { "json": { "query": "…" } }';

/** The content of a request. A check that it has one kind would make its options at every start. */
export const body = object(SENTENCE, () => ({
  json: option(titled("JSON", z.unknown()), "A JSON value, sent as `application/json`."),
  form: option(
    titled(
      "object of text",
      z.record(
        z.string(),
        z.union([formValue, z.array(formValue, FORM_VALUE)], FORM_VALUE),
        withMessage("must be an object of names and values"),
      ),
    ),
    "Fields, sent as `application/x-www-form-urlencoded`; a list is one field for each entry.",
  ),
  text: option(
    titled("text", z.string(withMessage("must be text"))),
    "Text, sent as `text/plain` unless a header `Content-Type` names its format.",
  ),
}));

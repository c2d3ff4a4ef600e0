/** The outcome of reading something a person wrote. */

/** A value, or what is wrong: the rest of a sentence such as `must be a duration`. */
export type Parsed<Value> =
  | { readonly value: Value; readonly complaint?: undefined }
  | { readonly complaint: string; readonly value?: undefined };

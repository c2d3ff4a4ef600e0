/** What heads are made of, as sources of regular expressions over Latin-1 (RFC 9110, section 5). */

/** The name of a field. */
export const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";

/** The value of a field, with the space around it: no control character but the tab. */
export const FIELD_VALUE = "[\\t\\x20-\\x7e\\x80-\\xff]*";

/** The deep equality behind `assertEquals`. */

/** Classes whose text says all there is to compare. */
const COMPARED_AS_TEXT: readonly (abstract new (...args: never[]) => object)[] = [
  Intl.Locale,
  RegExp,
  Temporal.Duration,
  Temporal.Instant,
  Temporal.PlainDate,
  Temporal.PlainDateTime,
  Temporal.PlainMonthDay,
  Temporal.PlainTime,
  Temporal.PlainYearMonth,
  Temporal.ZonedDateTime,
  URL,
  URLSearchParams,
];

/** Whether two values are deeply equal. Of two cycles that are entered again, equality is assumed. */
export function equal(left: unknown, right: unknown): boolean {
  const assumed = new Map<object, object>();

  function compare(a: unknown, b: unknown): boolean {
    if (a === b || Object.is(a, b)) return true;
    if (!isObject(a) || !isObject(b) || !sameKind(a, b)) return false;
    if (assumed.get(a) === b) return true;
    assumed.set(a, b);
    const same = compareObjects(a, b);
    if (!same) assumed.delete(a);
    return same;
  }

  function compareObjects(a: object, b: object): boolean {
    if (a instanceof Date && b instanceof Date) return compare(a.getTime(), b.getTime());
    if (COMPARED_AS_TEXT.some((kind) => a instanceof kind)) return String(a) === String(b);
    const bytes = [bytesOf(a), bytesOf(b)] as const;
    if (bytes[0] !== null && bytes[1] !== null) return compareLists(bytes[0], bytes[1]);
    if (a instanceof Map && b instanceof Map) return compareUnordered([...a], [...b]);
    if (a instanceof Set && b instanceof Set) return compareUnordered([...a], [...b]);
    return compareProperties(a, b);
  }

  function compareLists(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
    if (a.length !== b.length) return false;
    for (let index = 0; index < a.length; index++) {
      if (!compare(a[index], b[index])) return false;
    }
    return true;
  }

  function compareUnordered(a: readonly unknown[], b: readonly unknown[]): boolean {
    if (a.length !== b.length) return false;
    const unmatched = [...b];
    return a.every((item) => {
      const index = unmatched.findIndex((other) => compare(item, other));
      if (index < 0) return false;
      unmatched.splice(index, 1);
      return true;
    });
  }

  function compareProperties(a: object, b: object): boolean {
    for (const key of keysOf(a).union(keysOf(b))) {
      if (!(key in a) || !(key in b)) return false;
      if (!compare(Reflect.get(a, key), Reflect.get(b, key))) return false;
    }
    return true;
  }

  return compare(left, right);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** An object without a prototype is as good as a plain one. */
function sameKind(a: object, b: object): boolean {
  return (a.constructor ?? Object) === (b.constructor ?? Object);
}

function bytesOf(value: object): ArrayLike<unknown> | null {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value instanceof DataView) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  return ArrayBuffer.isView(value) ? value as Uint8Array : null;
}

/** What can be read from an object: of a class's instance, what its prototypes declare as well. */
function keysOf(value: object): Set<PropertyKey> {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype || Array.isArray(value)) {
    return new Set(Reflect.ownKeys({ ...value }));
  }
  const keys = new Set<PropertyKey>();
  for (
    let owner: object | null = value;
    owner !== null && owner !== Object.prototype;
    owner = Object.getPrototypeOf(owner)
  ) {
    for (const key of Reflect.ownKeys(owner)) keys.add(key);
  }
  keys.delete("constructor");
  return keys;
}

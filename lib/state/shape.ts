/** Kinds of stored values: checks, the order of fields, and defaults that are not stored. Pure. */

/** Whether a stored value is a `T`. */
export type ShapeCheck<T> = (value: unknown) => value is T;

/** A kind of value. */
export interface Kind<T> {
  /** Whether a stored value is of this kind; fields that have their default may be absent. */
  readonly is: ShapeCheck<T>;
  /** The value to store, without fields that have their default, if that differs from the value. */
  readonly arrange?: ((value: T) => unknown) | undefined;
  /** Adds the fields that have their default to a stored value, if it may lack some. */
  readonly addDefaults?: ((stored: T) => void) | undefined;
}

/** A field of an object. */
export interface Field<T, Owner> extends Kind<T> {
  /** The default, which is not stored. It may depend on fields without one, and on those before. */
  readonly byDefault?: (owner: Owner) => T;
}

/** All fields, in the order of the text. */
type Fields<T> = { readonly [Name in keyof T]-?: Field<T[Name], T> };

/** Any time except the last days of a month: parsing a million times takes seconds. */
const PLAIN_TIME =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z$/;

function isInstant(value: string): boolean {
  if (PLAIN_TIME.test(value)) return true;
  try {
    Temporal.Instant.from(value);
    return value.endsWith("Z");
  } catch {
    return false;
  }
}

/** A default: null. */
export const nothing = (): null => null;
/** A default: 0. */
export const zero = (): number => 0;

/** Text. */
export const text: Kind<string> = { is: (value) => typeof value === "string" };
/** A boolean. */
export const boolean: Kind<boolean> = { is: (value) => typeof value === "boolean" };
/** A finite number. */
export const number: Kind<number> = { is: (value): value is number => Number.isFinite(value) };
/** A whole number that is not negative. */
export const count: Kind<number> = {
  is: (value): value is number => Number.isSafeInteger(value) && Number(value) >= 0,
};
/** An instant, RFC 3339 in UTC. */
export const time: Kind<string> = {
  is: (value): value is string => text.is(value) && isInstant(value),
};

/** One of some texts. */
export function oneOf<T extends string>(values: readonly T[]): Kind<T> {
  return { is: (value): value is T => values.some((one) => one === value) };
}

/** Null, or a value of a kind. */
export function orNull<T>({ is, arrange, addDefaults }: Kind<T>): Kind<T | null> {
  return {
    is: (value): value is T | null => value === null || is(value),
    arrange: arrange && ((value) => value === null ? null : arrange(value)),
    addDefaults: addDefaults && ((stored) => stored === null || addDefaults(stored)),
  };
}

/** A value that may be absent, for example because an older version did not write it. */
export function orAbsent<T>({ is, arrange, addDefaults }: Kind<T>): Kind<T | undefined> {
  return {
    is: (value): value is T | undefined => value === undefined || is(value),
    arrange: arrange && ((value) => value === undefined ? undefined : arrange(value)),
    addDefaults: addDefaults && ((stored) => stored === undefined || addDefaults(stored)),
  };
}

/** A list of values of a kind. */
export function listOf<T>({ is, arrange, addDefaults }: Kind<T>): Kind<readonly T[]> {
  return {
    is: (value): value is readonly T[] => Array.isArray(value) && value.every(is),
    arrange: arrange && ((values) => values.map(arrange)),
    addDefaults: addDefaults && ((stored) => stored.forEach(addDefaults)),
  };
}

/** A field that is stored only if it differs from its default. */
export function unless<T, Owner>(byDefault: (owner: Owner) => T, kind: Kind<T>): Field<T, Owner> {
  const { is } = kind;
  return {
    ...kind,
    is: (value): value is T => value === undefined || is(value),
    byDefault,
  };
}

/** A list that is stored only if it is not empty. */
export function unlessEmpty<T, Owner>(
  { is, arrange, addDefaults }: Kind<readonly T[]>,
): Kind<readonly T[]> & Field<readonly T[], Owner> {
  return {
    is: (value): value is readonly T[] => value === undefined || is(value),
    arrange: (values) => values.length === 0 ? undefined : arrange ? arrange(values) : values,
    addDefaults,
    byDefault: () => [],
  };
}

/** A kind of object. */
export interface Shape<T> extends Kind<T> {
  /** See {@linkcode Kind}. */
  readonly arrange: (value: T) => object;
  /** See {@linkcode Kind}. */
  readonly addDefaults: (stored: T) => void;
}

/** Makes the kind of an object with these fields; others are ignored, and not stored. */
export function shape<T>(fields: Fields<T>): Shape<T> {
  const names = Object.keys(fields) as (keyof T)[];
  const all = names.map((name) => ({ name, ...fields[name] as Field<T[keyof T], T> }));
  const incomplete = all.filter(({ addDefaults, byDefault }) => addDefaults || byDefault);
  return {
    is: (value): value is T => {
      if (typeof value !== "object" || value === null) return false;
      const object = value as Readonly<Record<keyof T, unknown>>;
      return all.every(({ name, is }) => is(object[name]));
    },
    arrange: (value) => {
      const arranged: Partial<Record<keyof T, unknown>> = {};
      for (const { name, arrange, byDefault } of all) {
        const field = value[name];
        if (field === undefined || byDefault?.(value) === field) continue;
        const stored = arrange ? arrange(field) : field;
        if (stored !== undefined) arranged[name] = stored;
      }
      return arranged;
    },
    addDefaults: (stored) => {
      for (const { name, addDefaults, byDefault } of incomplete) {
        const field = stored[name];
        if (field !== undefined) addDefaults?.(field);
        else if (byDefault) stored[name] = byDefault(stored);
      }
    },
  };
}

/** Whether a stored value is an object, and no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// What commander imports from Node, without Node: it costs 10 ms of every start. The functions of
// commander that need the rest, for subcommands in files of their own, are not used by cronfetch.
// `tools/bundle/stage.ts` directs its imports to this module, whose exports bear Node's names.

/** The methods of Node's class that commander calls. */
export class EventEmitter {
  #listeners = new Map();

  on(name, listener) {
    this.#listeners.set(name, [...this.#listeners.get(name) ?? [], listener]);
    return this;
  }

  emit(name, ...values) {
    const listeners = this.#listeners.get(name) ?? [];
    for (const listener of listeners) listener.apply(this, values);
    return listeners.length > 0;
  }

  listenerCount(name) {
    return this.#listeners.get(name)?.length ?? 0;
  }
}

/** Help has no control characters, since its colours are off. */
export function stripVTControlCharacters(text) {
  return text;
}

/** `node:child_process`, `node:fs`, `node:path` and `node:process`. */
export default {};

/** What keeps things by a key: a `Map` or a `WeakMap`. */
interface Kept<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): unknown;
}

/** What was made for a key, made when it is first asked for. A promise that fails is kept as well. */
export function once<K, V>(made: Kept<K, V>, key: K, make: (key: K) => V): V {
  let value = made.get(key);
  if (value === undefined) {
    value = make(key);
    made.set(key, value);
  }
  return value;
}

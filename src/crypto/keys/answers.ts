/** What servers answer, as far as it is JSON. Nothing about its form is taken on trust. */

/** `undefined`: not JSON. */
export function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString());
  } catch {
    return undefined;
  }
}

/** A member of an answer, by its path; `undefined` where there is none. */
export function memberOf(body: unknown, ...path: readonly string[]): unknown {
  let at = body;
  for (const name of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}

/** The same where it is a text; `""` where it is not. */
export function textIn(body: unknown, ...path: readonly string[]): string {
  const value = memberOf(body, ...path);
  return typeof value === "string" ? value : "";
}

/** Words of a server, on one line and not too many of them. */
export function quoted(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 300 ? `${line.slice(0, 300)}...` : line;
}

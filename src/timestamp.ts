/** A time as files have it, in whole seconds: RFC 3339, UTC. */
export function timestamp(now: Date): string {
  return `${now.toISOString().slice(0, 19)}Z`;
}

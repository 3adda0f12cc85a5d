/**
 * Associated data: where a value stands, so that an envelope put elsewhere does not open. It is the path's keys, each
 * followed by a colon; list positions are not part of it. A comment has the path of its container.
 *
 * Source: SOPS sops.go.
 */

/** AAD of the sealed record of spellings. No path gives it: those end with a colon. */
export const SPELLING_AAD = "sops.keyleaf.spelling";

/** AAD for a path text as the walk gives it: the same, except that the top, where only comments stand, is a bare colon. */
export function aadOf(pathText: string): string {
  return pathText === "" ? ":" : pathText;
}

/**
 * A boolean as Go reads it, and so the reference in flags, variables and values: `1`, `t`, `T`, `TRUE`, `true`, `True`, and
 * the same for `0` and `false`. `null`: it is none of these, as the empty text is.
 *
 * Source: Go strconv/atob.go, `ParseBool`.
 */
export function goBoolean(text: string): boolean | null {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  return null;
}

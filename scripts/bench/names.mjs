// The names that rows, limits, tables and charts have in common.

/** In the order of columns and bars. `isOurs`: Keyleaf. */
export const PROGRAMS = [
  { id: "standalone", name: "Keyleaf, standalone", isOurs: true },
  { id: "npm", name: "Keyleaf on Node", isOurs: true },
  { id: "node", name: "`node -e 0`", isOurs: false },
  { id: "sops", name: "sops", isOurs: false },
  { id: "rops", name: "rops", isOurs: false },
];

export const FORMATS = ["yaml", "json", "dotenv"];

/** The row of one file of a format and a size. @param verb - `encrypt` or `decrypt` */
export function sizeTitle(format, count, verb) {
  return `${format}, ${count.toLocaleString("en")} values, ${verb}`;
}

import { parse, TomlDate } from "smol-toml";
import type { Node } from "../../src/document/document.ts";
import { toml } from "../../src/formats/toml.ts";

/** TOML read by this program and by smol-toml, made comparable. */

/** A value in short: rows of key and value for tables, `type:text` for all but containers. */
export type Plain = string | Plain[];

/** What this program reads. Line breaks count as line feeds. */
export function readHere(source: string): Plain {
  return plainNode(toml.parse(Buffer.from(source)).roots[0] as Node);
}

/** What smol-toml reads; it sorts keys like `1` first, which nothing here can depend on. */
export function readBySmol(source: string): Plain {
  return plainValue(parse(source, { integersAsBigInt: true }));
}

function plainNode(node: Node): Plain {
  if (node.kind === "mapping") {
    const rows = node.members.flatMap((member): [string, Plain][] =>
      member.kind === "comment" ? [] : [[member.key, plainNode(member.value)]],
    );
    return sorted(rows);
  }
  if (node.kind === "list")
    return ["list", ...node.elements.flatMap((element) => (element.kind === "comment" ? [] : [plainNode(element)]))];
  const { type } = node.scalar;
  const text = String(node.scalar.text);
  if (type === "str" && node.at?.style === "bare") return `date:${new TomlDate(text).toISOString()}`;
  if (type === "str") return `str:${text.replace(/\r+\n/g, "\n")}`;
  if (type === "float") return `float:${String(Number(text.replace("inf", "Infinity")))}`;
  return `${type}:${text}`;
}

function plainValue(value: unknown): Plain {
  if (value instanceof TomlDate) return `date:${value.toISOString()}`;
  if (Array.isArray(value)) return ["list", ...value.map(plainValue)];
  switch (typeof value) {
    case "string":
      return `str:${value.replace(/\r+\n/g, "\n")}`;
    case "bigint":
      return `int:${value}`;
    case "number":
      return `float:${value}`;
    case "boolean":
      return `bool:${value ? "True" : "False"}`;
    default:
      return sorted(Object.entries(value as object).map(([key, one]) => [key, plainValue(one)]));
  }
}

function sorted(rows: [string, Plain][]): Plain {
  return ["table", ...rows.sort(([a], [b]) => (a < b ? -1 : 1))];
}

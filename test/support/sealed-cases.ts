/** The shared cases of files that sops sealed, as far as a local age key opens them and a value can be changed in them. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { decrypt } from "../../src/decrypt.ts";
import type { Leaf } from "../../src/document/document.ts";
import { applyEdits } from "../../src/document/edits.ts";
import { compileSelection } from "../../src/document/selection.ts";
import { walk } from "../../src/document/walk.ts";
import { KeyleafError } from "../../src/errors.ts";
import type { FormatId } from "../../src/formats/format.ts";
import { formatForFileName, formatOf } from "../../src/formats/registry.ts";
import { inspect } from "../../src/inspect.ts";
import { fakeHost } from "./fake-host.ts";
import { alice } from "./sops.ts";

export interface SealedCase {
  readonly name: string;
  readonly format: FormatId;
  readonly file: Uint8Array;
  /** Gives the key. */
  readonly env: Readonly<Record<string, string>>;
  /** The plaintext with one value changed. */
  readonly changed: (plaintext: Uint8Array) => Uint8Array;
  readonly documents: number;
  /** Recipients of the file that cannot be encrypted to without a network, a program or a key of somebody. */
  readonly others: readonly string[];
}

const ROOT = resolve(import.meta.dirname, "../../fixtures/sops/3.13.2");
const env = { SOPS_AGE_KEY: alice.identity };

export async function sealedCases(): Promise<SealedCase[]> {
  const names = readFileSync(join(ROOT, "cases.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { name: string }).name);
  const cases = await Promise.all(names.map(sealedCase));
  return cases.filter((one) => one !== null);
}

async function sealedCase(name: string): Promise<SealedCase | null> {
  const folder = join(ROOT, "cases", name);
  const { files, made_by: maker } = JSON.parse(readFileSync(join(folder, "case.json"), "utf8")) as {
    files: Readonly<Record<string, string>>;
    made_by: string;
  };
  const { encrypted } = files;
  // Damaged files, and those in which somebody has changed something, are no files of sops.
  if (encrypted === undefined || !maker.startsWith("sops") || /^(tamper|fact)-/.test(name)) return null;
  const file = readFileSync(join(folder, encrypted));
  const format = formatForFileName(encrypted).id;
  try {
    const { output } = await decrypt(file, { format }, fakeHost({ env }));
    const { selection: rule, keyGroups } = await inspect(file, { format });
    const { parse, edit } = await formatOf(format);
    const doc = await parse(output);
    const selection = await compileSelection(rule, "ignore");
    const leaves: Leaf[] = [];
    walk(
      doc.roots,
      { selection },
      {
        entry: (entry, _, isSelected) => {
          const { text, type } = entry.scalar;
          const isWord = type === "str" && typeof text === "string" && /^\w+$/.test(text);
          if (isSelected && isWord && entry.kind === "leaf" && entry.at !== null) leaves.push(entry);
        },
      },
    );
    const leaf = leaves[Math.floor(leaves.length / 2)];
    if (leaf === undefined) return null;
    const change = edit(leaf, { type: "str", text: `${leaf.scalar.text}Z` }, doc);
    const changed = () => applyEdits(doc.source, [change]);
    const recipients = keyGroups.flat().map(({ recipient }) => recipient);
    const others = recipients.filter((recipient) => !/^(age1|ssh-)/.test(recipient));
    return { name, format, file, env, changed, documents: doc.roots.length, others };
  } catch (error) {
    if (error instanceof KeyleafError) return null;
    throw error;
  }
}

/** Lines of the second text that are not in the first. */
export function changedLines(before: string, after: string): string[] {
  const counts = new Map<string, number>();
  for (const line of before.split("\n")) counts.set(line, (counts.get(line) ?? 0) + 1);
  return after.split("\n").filter((line) => {
    const count = counts.get(line) ?? 0;
    counts.set(line, count - 1);
    return count <= 0;
  });
}

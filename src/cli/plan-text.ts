import type { KeyPlan, PlannedKey } from "../key-plan.ts";
import { printable } from "./report.ts";

/** Plans of who is going to read a file, as text. */

/** What stands in front of a line. */
const marks = { none: "   ", added: "+++", removed: "---" } as const;

/**
 * The plan for a file: its name, then a line for each recipient, with its type and its name where it has one.
 * @param nameOf - what people call a recipient; `null`: nothing
 */
export function planText(file: string, plan: KeyPlan, nameOf: (key: PlannedKey) => string | null): string {
  const { groups, threshold } = plan;
  const lines = [file, ...thresholdLines(threshold)];
  for (const [index, keys] of groups.entries()) {
    if (groups.length > 1) lines.push(`group ${index + 1}`);
    for (const key of keys) {
      const name = nameOf(key);
      lines.push(`${marks[key.change]} ${key.type} ${key.recipient}${name === null ? "" : ` (${name})`}`);
    }
  }
  return lines.map((line) => `${printable(line)}\n`).join("");
}

/** The same as the reference prints it, without its colours and its question. Source: sops 3.11.0, by running it. */
export function sopsPlanText({ groups, threshold: { before, after } }: KeyPlan): string {
  const line = (number: number): string => `shamir_threshold: ${number}`;
  const lines = ["The following changes will be made to the file's groups:"];
  if (before !== after) lines.push(`${marks.added} ${line(after)}`, `${marks.removed} ${line(before)}`);
  else if (after !== 0) lines.push(line(after));
  for (const [index, keys] of groups.entries()) {
    lines.push(`Group ${index + 1}`, ...keys.map(({ change, recipient }) => `${marks[change]} ${recipient}`));
  }
  return lines.map((text) => `${printable(text)}\n`).join("");
}

/** Nothing where there is one group before and after. */
function thresholdLines({ before, after }: KeyPlan["threshold"]): string[] {
  const line = (change: keyof typeof marks, value: number): string[] =>
    value === 0 ? [] : [`${marks[change]} shamir_threshold: ${value}`];
  return before === after ? line("none", after) : [...line("added", after), ...line("removed", before)];
}

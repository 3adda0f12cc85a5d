import type { KeyGroup } from "./crypto/data-key.ts";
import { neededOf } from "./crypto/wrap-data-key.ts";
import { metadataOf } from "./decrypt.ts";
import type { FormatId } from "./formats/format.ts";
import { formatOf } from "./formats/registry.ts";
import { type InspectedKey, inspectKey } from "./inspect.ts";
import { isFor, namedKey } from "./recipients.ts";

/** What becomes of a recipient. */
export interface PlannedKey extends InspectedKey {
  readonly change: "none" | "added" | "removed";
}

/** What has to change in a file so that others can open it. */
export interface KeyPlan {
  /** By position: those that stay, those that are added, those that are removed. A group that is removed has only the last. */
  readonly groups: readonly (readonly PlannedKey[])[];
  /** Groups that are needed; 0 where there is one group. For a threshold that is kept, the number in the file, and what it becomes. */
  readonly threshold: { readonly before: number; readonly after: number };
  readonly isChanged: boolean;
}

export interface KeyPlanOptions {
  readonly format: FormatId;
  /** Who is to open the file. */
  readonly keyGroups: readonly KeyGroup[];
  /**
   * Groups that are to be needed; 0: all. Of no meaning where there is one group. `kept`: so many as the file says, or as
   * there will be, as in the reference.
   */
  readonly shamirThreshold: number | "kept";
  /** Whether recipients are the same only where their identity strings are equal, as in the reference. */
  readonly isExact?: boolean;
}

/**
 * Compares who can open an encrypted file with who is to. Groups are compared by position, without regard to the order in
 * them. Needs no key.
 * @throws `INPUT_*`, `INPUT_NOT_ENCRYPTED`, `INPUT_METADATA`, `KEY_BAD_THRESHOLD`
 *
 * Source: SOPS cmd/sops/subcommand/updatekeys/updatekeys.go.
 */
export async function planKeys(source: Uint8Array, options: KeyPlanOptions): Promise<KeyPlan> {
  const { keyGroups, shamirThreshold, isExact = false } = options;
  const metadata = metadataOf(await (await formatOf(options.format)).parse(source));
  const threshold =
    shamirThreshold === "kept"
      ? { before: metadata.shamirThreshold, after: Math.min(metadata.shamirThreshold, keyGroups.length) }
      : {
          before: neededOf(metadata.keyGroups.length, metadata.shamirThreshold),
          after: neededOf(keyGroups.length, shamirThreshold),
        };
  if (keyGroups.length > 1) (await import("./crypto/key-groups.ts")).checkThreshold(keyGroups.length, threshold.after);
  const groups: PlannedKey[][] = [];
  for (let i = 0; i < Math.max(metadata.keyGroups.length, keyGroups.length); i++) {
    const before = await Promise.all((metadata.keyGroups[i] ?? []).map(inspectKey));
    groups.push(plannedGroup(before, keyGroups[i] ?? [], isExact));
  }
  const isChanged =
    groups.flat().some(({ change }) => change !== "none") ||
    metadata.keyGroups.length !== keyGroups.length ||
    threshold.before !== threshold.after;
  return { groups, threshold, isChanged };
}

function plannedGroup(before: readonly InspectedKey[], after: KeyGroup, isExact: boolean): PlannedKey[] {
  const stays = (key: InspectedKey): boolean => after.some((one) => isFor(one, key, isExact));
  const added = after.filter((one) => !before.some((key) => isFor(one, key, isExact)));
  return [
    ...before.filter(stays).map((key) => ({ ...key, change: "none" as const })),
    ...added.map((one) => ({ ...namedKey(one), change: "added" as const })),
    ...before.filter((key) => !stays(key)).map((key) => ({ ...key, change: "removed" as const })),
  ];
}

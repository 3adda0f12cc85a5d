import type { KeyGroup, Recipient } from "./crypto/data-key.ts";
import { KeyleafError } from "./errors.ts";
import { isFor, namedKey } from "./recipients.ts";

export interface Regrouped {
  readonly groups: readonly KeyGroup[];
  /** Of those to be added: who is in the first group already. */
  readonly present: readonly Recipient[];
  /** Of those to be removed: who is in no group. */
  readonly absent: readonly Recipient[];
}

/**
 * Adds recipients to the first group, each once, and removes others from all groups.
 * @throws `KEY_NO_RECIPIENT` where that would leave a group without any.
 *
 * Source: SOPS cmd/sops/rotate.go.
 */
export function regroup(
  groups: readonly KeyGroup[],
  { add, remove }: { readonly add: readonly Recipient[]; readonly remove: readonly Recipient[] },
): Regrouped {
  const [first = [], ...others] = groups;
  const isIn = (group: KeyGroup, one: Recipient): boolean => group.some((other) => isFor(one, namedKey(other)));
  const added = [[...first, ...add.filter((one) => !isIn(first, one))], ...others];
  const changed = added.map((group) => group.filter((one) => !remove.some((other) => isFor(other, namedKey(one)))));
  const empty = changed.findIndex((group) => group.length === 0);
  if (empty !== -1) {
    const which = groups.length === 1 ? "no recipients" : `no recipients in key group ${empty + 1}`;
    throw new KeyleafError("KEY_NO_RECIPIENT", `that would leave ${which}`, {
      hint: groups.length === 1 ? "add another one as well" : "enc groups delete takes a whole group away",
    });
  }
  return {
    groups: changed,
    present: add.filter((one) => isIn(first, one)),
    absent: remove.filter((one) => !groups.some((group) => isIn(group, one))),
  };
}

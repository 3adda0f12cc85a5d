import { alice } from "../../support/sops.ts";

/** One command line that both programs run, and what is around it. */
export interface FaceCase {
  readonly name: string;
  readonly argv: readonly string[];
  /** Files of the working folder, by path. */
  readonly files?: Readonly<Record<string, Content>>;
  /** Besides `SOPS_AGE_KEY`, which has the identity of alice; `undefined` takes that away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Absent: empty. */
  readonly stdin?: Content;
  /** Folder that is the working directory, within the working folder. */
  readonly cwd?: string;
  /** The row of docs/sops-compat.md that says why the outcomes are not the same. */
  readonly differs?: string;
}

/** Text, bytes, or a file that sops makes of it first. */
export type Content = string | Uint8Array | Sealed;

/** What sops makes of a plaintext. */
export interface Sealed {
  readonly plain: string | Uint8Array;
  /** Name by which sops tells the format. */
  readonly name: string;
  /** Flags of sops in front of the command, and behind it. */
  readonly root: readonly string[];
  readonly flags: readonly string[];
}

/** A file that sops has encrypted, to alice unless flags say otherwise. */
export function sealed(plain: string | Uint8Array, name: string, ...flags: readonly string[]): Sealed {
  const hasKeys = flags.some((flag) => /^--(age|pgp|kms|hc-vault-transit)$/.test(flag));
  return { plain, name, root: [], flags: hasKeys ? flags : ["--age", alice.recipient, ...flags] };
}

/** The same with flags in front of the command. */
export function sealedWith(root: readonly string[], plain: string | Uint8Array, name: string): Sealed {
  return { ...sealed(plain, name), root };
}

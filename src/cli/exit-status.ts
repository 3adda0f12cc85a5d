import type { ErrorCode } from "../errors.ts";

/** Exit status of a bug. */
export const BUG_STATUS = 1;
/** What a shell reports of a program whose reader is gone: 128 + SIGPIPE. */
export const CLOSED_PIPE_STATUS = 141;

/**
 * Exit status of every error code: the reference tool's, since scripts and integrations test for them.
 * Source: SOPS cmd/sops/codes/codes.go.
 */
const statuses: Readonly<Record<ErrorCode, number>> = {
  USAGE: 1,
  USAGE_CONFLICT: 8,
  USAGE_NO_FILE: 100,
  USAGE_BAD_PATH: 91,
  USAGE_BAD_VALUE: 7,
  USAGE_BAD_CONTEXT: 6,
  USAGE_DUPLICATE: 112,
  INPUT_MISSING: 100,
  INPUT_MISSING_FOR_KEYS: 49,
  INPUT_UNREADABLE: 2,
  INPUT_MALFORMED: 2,
  INPUT_EMPTY: 92,
  INPUT_NO_DOCUMENT: 2,
  INPUT_UNSUPPORTED: 2,
  INPUT_UNSUPPORTED_VALUE: 23,
  INPUT_ALREADY_ENCRYPTED: 203,
  INPUT_NOT_ENCRYPTED: 1,
  INPUT_METADATA: 1,
  INPUT_NOTHING_TO_ENCRYPT: 1,
  INPUT_PATH_NOT_FOUND: 1,
  INPUT_PATH_MISMATCH: 1,
  KEY_NO_RECIPIENT: 1,
  KEY_BAD_RECIPIENT: 1,
  KEY_BAD_THRESHOLD: 1,
  KEY_NOT_THERE: 1,
  KEY_UNLISTED: 1,
  KEY_WRAP_FAILED: 1,
  KEY_UNAVAILABLE: 128,
  INTEGRITY_TAG: 25,
  INTEGRITY_MAC: 51,
  CONFIG_MISSING: 1,
  CONFIG_UNREADABLE: 1,
  CONFIG_MALFORMED: 1,
  CONFIG_NO_RULE: 1,
  CONFIG_MISMATCH: 1,
  PROVIDER_FAILED: 1,
  AUDIT_FAILED: 1,
  // As shells have it.
  PROGRAM_NOT_FOUND: 127,
  PROGRAM_CANNOT_RUN: 126,
  PROVIDER_EDITOR_FAILED: 201,
  OUTPUT_UNCHANGED: 200,
  OUTPUT_UNREPRESENTABLE: 4,
  OUTPUT_CHANGED_MEANWHILE: 3,
  OUTPUT_VERIFY_FAILED: 3,
  OUTPUT_WRITE_FAILED: 3,
};

type Statuses = Partial<Record<ErrorCode, number>>;

/** The reference calls an encrypted file that it cannot parse a general error. */
const opening: Statuses = {
  INPUT_MALFORMED: 1,
  INPUT_EMPTY: 1,
  INPUT_NO_DOCUMENT: 1,
  INPUT_UNSUPPORTED: 1,
  INPUT_UNSUPPORTED_VALUE: 1,
};
const running: Statuses = { ...opening, INPUT_MISSING: 2, USAGE_NO_FILE: 1 };
/** It calls a bad path, or value, a bad format of what is to be set. */
const setting: Statuses = { ...opening, INPUT_MISSING: 2, USAGE_BAD_PATH: 7 };
/** Of its groups commands, a data key that cannot be had is a general error too. */
const ofGroups: Statuses = { ...opening, INPUT_MISSING: 2, KEY_UNAVAILABLE: 1 };

/** Where a command differs. Source: sops 3.11.0, by running it. */
const commandStatuses: ReadonlyMap<string, Statuses> = new Map([
  ["decrypt", opening],
  ["get", opening],
  ["filestatus", { INPUT_MISSING: 1, INPUT_UNREADABLE: 1, INPUT_MALFORMED: 1, INPUT_UNSUPPORTED: 1 }],
  ["set", setting],
  ["unset", setting],
  ["exec", opening],
  ["exec-env", { ...running, OUTPUT_UNREPRESENTABLE: 1 }],
  ["exec-file", running],
  ["edit", { ...opening, KEY_WRAP_FAILED: 128 }],
  ["rotate", { ...opening, INPUT_MISSING: 2 }],
  ["updatekeys", { ...opening, INPUT_MISSING: 1 }],
  ["groups add", ofGroups],
  ["groups delete", ofGroups],
  ["publish", { ...opening, INPUT_MISSING: 1 }],
]);

/**
 * @param command - the command's name; `null` before one is known.
 * @returns 1 to 255
 */
export function exitStatus(code: ErrorCode, command: string | null): number {
  return commandStatuses.get(command ?? "")?.[code] ?? statuses[code];
}

import type { Destination } from "../../config.ts";
import type { CliHost } from "../context.ts";

/** A place that files are published to. */
export interface Place {
  /** What it takes: the encrypted file, or its decrypted values as a JSON object. */
  readonly takes: "file" | "values";
  /**
   * What the file is called there, for people.
   * @param name - with slashes between folders, and none in front.
   */
  shown(name: string): string;
  /** What would not come out there as it goes in, for warnings; without any value. Absent: everything does. */
  losses?(content: Uint8Array): Promise<string[]>;
  /**
   * @param content - read, not kept.
   * @returns `false`: the very same was there already, and nothing was written.
   * @throws `PROVIDER_FAILED`
   */
  write(name: string, content: Uint8Array): Promise<boolean>;
}

/** The place that a rule names. @throws `CONFIG_MALFORMED`, `PROVIDER_FAILED` for a place that could never be written to. */
export async function placeOf(destination: Destination, host: CliHost): Promise<Place> {
  switch (destination.kind) {
    case "s3":
      return (await import("./s3.ts")).s3Place(destination, host);
    case "gcs":
      return (await import("./gcs.ts")).gcsPlace(destination, host);
    case "vault":
      return (await import("./vault-kv.ts")).vaultPlace(destination, host);
  }
}

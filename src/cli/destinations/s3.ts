import type { Destination } from "../../config.ts";
import { awsHint, awsReasons, awsSettings, explainAws } from "../../crypto/keys/aws-sdk.ts";
import { isLoopback } from "../../crypto/loopback.ts";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import type { Place } from "./destination.ts";

type Bucket = Extract<Destination, { readonly bucket: string }>;

/** Puts an object. Throws what the SDK throws. */
type Put = (key: string, content: Uint8Array) => Promise<void>;

/** An upload has to be complete by then. */
const UPLOAD_TIMEOUT_MS = 120_000;

/** A bucket of S3. Credentials, region and address are found as for KMS keys. */
export function s3Place(destination: Bucket, host: Host): Place {
  const { bucket, prefix } = destination;
  let loaded: Promise<Put> | null = null;
  const shown = (name: string): string => `s3://${bucket}/${prefix}${name}`;
  return {
    takes: "file",
    shown,
    async write(name, content) {
      try {
        loaded ??= loadPut(bucket, host);
        await (await loaded)(prefix + name, content);
        return true;
      } catch (error) {
        throw explained(error, shown(name), host);
      }
    },
  };
}

async function loadPut(bucket: string, host: Host): Promise<Put> {
  const { common, endpoint, credentials } = await awsSettings("S3", null, "", host);
  const { S3Client, PutObjectCommand } = await import("@aws-sdk/client-s3");
  // Servers that stand in for S3 on this machine have no names for each bucket.
  const isLocal = endpoint.endpoint !== undefined && isLoopback(new URL(endpoint.endpoint).hostname);
  const client = new S3Client({
    ...common,
    requestHandler: { ...common.requestHandler, requestTimeout: UPLOAD_TIMEOUT_MS },
    ...endpoint,
    ...credentials,
    forcePathStyle: isLocal,
    // A bucket may be in another region than the one that is set.
    followRegionRedirects: true,
  });
  return async (key, content) => {
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: content }));
  };
}

const reasons: ReadonlyMap<string, string> = new Map([
  ["NoSuchBucket", "no such bucket"],
  ["PermanentRedirect", "the bucket is in another region"],
  ["AuthorizationHeaderMalformed", "the bucket is in another region"],
  ["SlowDown", "throttled: too many requests"],
  ...awsReasons,
]);

/** Without the text that was answered, which may repeat signed headers. */
function explained(error: unknown, shown: string, { env }: Host): KeyleafError {
  if (error instanceof KeyleafError) return error;
  // What the SDK says before it asks anybody.
  const isRegionless = error instanceof Error && error.message === "Region is missing";
  const { name, reason } = isRegionless ? { name: "unknown", reason: "no region is set" } : explainAws(error, reasons);
  const hint = reason === "access denied" ? "the AWS credentials in use need s3:PutObject there" : undefined;
  const regionHint = /region/.test(reason) ? "set AWS_REGION to that of the bucket" : undefined;
  return new KeyleafError("PROVIDER_FAILED", `cannot write ${shown}: ${reason}${isRegionless ? "" : ` (${name})`}`, {
    hint: hint ?? regionHint ?? awsHint(name, reason, env["AWS_PROFILE"] ?? ""),
  });
}

/**
 * AWS KMS: the key named by an ARN wraps the data key, bound to an encryption context. The AWS SDK is loaded when the
 * first key is used, and everything that speaks to it is in `loadSdkClient`; the rest of this file is text.
 *
 * Source: SOPS kms/keysource.go.
 */
import { fieldOf, itemsOf, leaf, type Mapping, mapping, type Node } from "../../document/document.ts";
import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";
import { once } from "../../once.ts";
import { timestamp } from "../../timestamp.ts";
import { awsHint, awsReasons, awsSettings, endpointFrom, explainAws } from "./aws-sdk.ts";
import { contextOf, decodeBase64, failing, isNull, sorted, textOf } from "./fields.ts";
import { awsKmsNames } from "./names.ts";
import type { KeyProvider } from "./provider.ts";

/** One KMS key as rules, flags and files name it. */
export interface AwsKmsRecipient {
  /** Of a key or an alias, as given: its form is checked when the key is used. */
  readonly arn: string;
  /** ARN of a role to assume first; `""`: none. */
  readonly role: string;
  /** Profile of the AWS shared configuration; `""`: the default one. */
  readonly profile: string;
  /** Encryption context; empty: none. */
  readonly context: ReadonlyMap<string, string>;
}

/** One call of KMS: bytes in, bytes out. Throws what the SDK throws. */
type KmsCall = (
  arn: string,
  input: Uint8Array,
  context: ReadonlyMap<string, string>,
  signal?: AbortSignal,
) => Promise<Uint8Array>;

/** The two calls that are needed of KMS. */
export interface KmsClient {
  /** Plaintext to ciphertext blob. */
  readonly encrypt: KmsCall;
  /** Ciphertext blob to plaintext. */
  readonly decrypt: KmsCall;
}

/** Whom a client speaks to, and as whom. */
export interface KmsClientSettings {
  readonly region: string;
  /** `""`: the default one. */
  readonly profile: string;
  /** `""`: no role is assumed. */
  readonly role: string;
  /** Name of the session when a role is assumed. */
  readonly sessionName: string;
}

/** Makes a client. It is kept, so that many files share one connection and one assumed role. */
export type LoadKmsClient = (settings: KmsClientSettings, host: Host) => Promise<KmsClient>;

/** The provider on top of a client; tests bring their own. */
export function createAwsKms(loadClient: LoadKmsClient): KeyProvider<AwsKmsRecipient> {
  const clientsOf = new WeakMap<Host, Map<string, Promise<KmsClient>>>();

  function clientFor(recipient: AwsKmsRecipient, region: string, host: Host): Promise<KmsClient> {
    const clients = once(clientsOf, host, () => new Map<string, Promise<KmsClient>>());
    const { profile, role } = recipient;
    const id = JSON.stringify([region, profile, role]);
    return once(clients, id, async () =>
      loadClient({ region, profile, role, sessionName: await sessionName(host) }, host),
    );
  }

  return {
    ...awsKmsNames,

    fromText(text, options) {
      return text
        .replace(/\s/g, "")
        .split(",")
        .filter((item) => item !== "")
        .map((item) => {
          const plus = item.indexOf("+arn:");
          const [arn, role] = plus > 0 ? [item.slice(0, plus), item.slice(plus + 1)] : [item, ""];
          return { arn, role, profile: options.awsProfile ?? "", context: options.encryptionContext ?? new Map() };
        });
    },

    fromGroup(value) {
      return [fromGroup(value)];
    },

    identity: identityText,

    identityOf(key) {
      return identityText(recipientOf(key.fields));
    },

    entry: entryOf,

    async wrap(dataKey, recipient, host, signal) {
      const region = regionOf(recipient.arn);
      if (region === null) throw badRecipient(`${JSON.stringify(recipient.arn)} is not the ARN of a KMS key or alias`);
      const ciphertext = await translated("encrypt", recipient, host, async () => {
        const client = await clientFor(recipient, region, host);
        return client.encrypt(recipient.arn, dataKey, recipient.context, signal);
      });
      const enc = Buffer.from(ciphertext).toString("base64");
      return { provider: "aws-kms", fields: entryOf(recipient, enc, host.now()) };
    },

    async unwrap(key, host, _why, signal) {
      const recipient = recipientOf(key.fields);
      if (recipient.arn === "") throw failed("the wrapped key has no arn");
      const region = regionOf(recipient.arn);
      if (region === null) throw failed("the arn of the wrapped key is not the ARN of a KMS key or alias");
      if (contextOf(fieldOf(key.fields, "context")) === null) {
        throw failed("the context of the wrapped key is not a mapping of texts");
      }
      const ciphertext = decodeBase64(textOf(fieldOf(key.fields, "enc")));
      if (ciphertext === null) throw failed("enc of the wrapped key is missing or not base64");
      const contexts = [recipient.context];
      if (key.hasOldContext === true) contexts.push(...contextsOfOldVersions(recipient.context));
      return translated("decrypt", recipient, host, async () => {
        const client = await clientFor(recipient, region, host);
        return firstThatFits(contexts, (context) => client.decrypt(recipient.arn, ciphertext, context, signal));
      });
    },
  };
}

/**
 * What sops before 3.3.0 may have wrapped a key with instead of the context that it wrote: all keys with the value of one of
 * them. None where that is the same.
 */
function contextsOfOldVersions(context: ReadonlyMap<string, string>): ReadonlyMap<string, string>[] {
  const values = new Set(context.values());
  if (values.size < 2) return [];
  return [...values].map((value) => new Map([...context.keys()].map((key) => [key, value])));
}

/** @throws what the first context failed with, where it is the only one, or another failed for another reason. */
async function firstThatFits(
  contexts: readonly ReadonlyMap<string, string>[],
  decrypt: (context: ReadonlyMap<string, string>) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  let failure: unknown;
  for (const context of contexts) {
    try {
      return await decrypt(context);
    } catch (error) {
      // A policy may deny a context.
      if (!(error instanceof Error) || !/^(InvalidCiphertext|AccessDenied)Exception$/.test(error.name)) throw error;
      failure ??= error;
    }
  }
  throw failure;
}

/** AWS KMS through the AWS SDK. */
export const awsKms: KeyProvider<AwsKmsRecipient> = createAwsKms(loadSdkClient);

/**
 * The region named in the ARN, which overrides any configured one; `null` when it is not the ARN of a KMS key or alias.
 * The reference takes any text for a region; it becomes part of a host name, so here it has to look like one.
 */
function regionOf(arn: string): string | null {
  return /^arn:aws[\w-]*:kms:([A-Za-z0-9-]+):[0-9]+:(?:key|alias)\/.+$/.exec(arn)?.[1] ?? null;
}

/** As the reference names its sessions; `@-_` is a range there too, so that hyphens go. */
async function sessionName(host: Host): Promise<string> {
  return `sops@${(await host.hostname()).replace(/[^a-zA-Z0-9=,.@-_]+/g, "")}`.slice(0, 64);
}

function identityText({ arn, role, profile, context }: AwsKmsRecipient): string {
  const name = role === "" ? arn : `${arn}+${role}`;
  const pairs = sorted(context)
    .map(([key, value]) => `${key}:${value}`)
    .join(",");
  if (profile !== "") return `${name}|${pairs}|${profile}`;
  return pairs === "" ? name : `${name}|${pairs}`;
}

/** The entry as it goes into the file. `aws_profile` is always there, the way the reference writes it. */
function entryOf({ arn, role, profile, context }: AwsKmsRecipient, enc: string, now: Date): Mapping {
  const fields: [string, Node][] = [
    ["arn", leaf(arn)],
    ["aws_profile", leaf(profile)],
  ];
  if (context.size > 0) {
    fields.push(["context", mapping(sorted(context).map(([key, value]) => [key, leaf(value)] as const))]);
  }
  fields.push(["created_at", leaf(timestamp(now))]);
  fields.push(["enc", leaf(enc)]);
  if (role !== "") fields.push(["role", leaf(role)]);
  return mapping(fields);
}

/** What an entry of a file names; what is missing or malformed is empty. */
function recipientOf(fields: Mapping): AwsKmsRecipient {
  return {
    arn: textOf(fieldOf(fields, "arn")),
    role: textOf(fieldOf(fields, "role")),
    profile: textOf(fieldOf(fields, "aws_profile")),
    context: contextOf(fieldOf(fields, "context")) ?? new Map(),
  };
}

/** An element of `kms` in a key group of a creation rule: `{arn, role, context, aws_profile}`, the ARN taken as it is. */
function fromGroup(node: Node): AwsKmsRecipient {
  if (node.kind !== "mapping") throw badRecipient("an element of kms in a key group is not a mapping");
  const texts = new Map<string, string>();
  let context: ReadonlyMap<string, string> = new Map();
  for (const { key, value } of itemsOf(node)) {
    if (isNull(value)) continue;
    if (key === "context") context = groupContext(value);
    else if (key === "arn" || key === "role" || key === "aws_profile") texts.set(key, groupText(value, key));
    else throw badRecipient(`${JSON.stringify(key)} is not a field of a kms key`);
  }
  const arn = texts.get("arn") ?? "";
  if (arn === "") throw badRecipient("a kms key in a key group has no arn");
  return { arn, role: texts.get("role") ?? "", profile: texts.get("aws_profile") ?? "", context };
}

function groupContext(node: Node): Map<string, string> {
  if (node.kind !== "mapping") throw badRecipient("the context of a kms key is not a mapping");
  return new Map(itemsOf(node).map(({ key, value }) => [key, groupText(value, `context ${JSON.stringify(key)}`)]));
}

/** Only strings: what a bare number or boolean stands for depends on who reads it, and KMS compares the text. */
function groupText(node: Node, what: string): string {
  if (node.kind !== "leaf" || node.scalar.type !== "str" || typeof node.scalar.text !== "string") {
    throw badRecipient(`${what} of a kms key is not a string`, "put the value in quotes");
  }
  return node.scalar.text;
}

function badRecipient(message: string, hint = "an ARN looks like arn:aws:kms:REGION:ACCOUNT:key/ID"): KeyleafError {
  return new KeyleafError("KEY_BAD_RECIPIENT", message, { hint, details: { provider: "aws-kms" } });
}

const failed = failing(awsKmsNames.id);

/** STS would not give credentials for the role. Not by `cause`: the SDK looks there, and would try it all again. */
class RoleError extends Error {
  readonly failure: unknown;
  constructor(failure: unknown) {
    super("cannot assume the role");
    this.failure = failure;
  }
}

/** What KMS calls its failures, beside those of all services of AWS. */
const reasons: ReadonlyMap<string, string> = new Map([
  [
    "InvalidCiphertextException",
    "the wrapped key was not made with this KMS key and encryption context, or is damaged",
  ],
  ["IncorrectKeyException", "the wrapped key was made with another KMS key"],
  ["NotFoundException", "no such key or alias"],
  ["DisabledException", "the key is disabled"],
  ["KMSInvalidStateException", "the key is disabled or about to be deleted"],
  ["KeyUnavailableException", "the key is not available at the moment"],
  ["InvalidKeyUsageException", "the key is not for encryption"],
  ["InvalidArnException", "the ARN is not valid"],
  ["KMSInternalException", "failure inside AWS KMS"],
  ["DependencyTimeoutException", "failure inside AWS KMS"],
  ...awsReasons,
]);

/**
 * Runs a call and turns what the SDK throws into `PROVIDER_FAILED`. The text AWS sent is left out, and the error is not
 * kept as the cause: for a refused signature it repeats the signed headers, session token included.
 */
async function translated<T>(
  verb: "encrypt" | "decrypt",
  recipient: AwsKmsRecipient,
  { env }: Host,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof KeyleafError) throw error;
    const isRole = error instanceof RoleError;
    const { name, reason } = explainAws(isRole ? error.failure : error, reasons);
    const what = isRole ? `AWS STS cannot assume the role ${recipient.role}` : `AWS KMS cannot ${verb}`;
    const action = isRole ? "sts:AssumeRole" : verb === "encrypt" ? "kms:Encrypt" : "kms:Decrypt";
    throw failed(
      `${what}: ${reason} (${name})`,
      hintFor(name, reason, action, recipient.profile || env["AWS_PROFILE"]),
    );
  }
}

function hintFor(name: string, reason: string, action: string, profile = ""): string | undefined {
  if (reason === "access denied") return `the AWS credentials in use need ${action}, also for this encryption context`;
  if (reason.startsWith("throttled")) return "wait a little, or set AWS_MAX_ATTEMPTS to more than 3";
  if (reason.startsWith("the key is disabled")) return "enable it in AWS KMS, or use another key";
  if (reason.startsWith("no such key")) return "check the ARN, its region and account";
  return awsHint(name, reason, profile);
}

/** A client of the AWS SDK, which finds credentials by its default chain where the environment holds none. */
async function loadSdkClient(settings: KmsClientSettings, host: Host): Promise<KmsClient> {
  const { region, profile, role, sessionName } = settings;
  const { common, endpoint, credentials } = await awsSettings("KMS", region, profile, host);
  const { KMSClient, EncryptCommand, DecryptCommand } = await import("@aws-sdk/client-kms");
  const kmsConfig = { ...common, ...endpoint };
  let client = new KMSClient({ ...kmsConfig, ...credentials });

  if (role !== "") {
    const { STSClient, AssumeRoleCommand } = await import("@aws-sdk/client-sts");
    const sts = new STSClient({ ...common, ...endpointFrom(host.env, "STS"), credentials: client.config.credentials });
    const assumeRole = async () => {
      try {
        const request = new AssumeRoleCommand({ RoleArn: role, RoleSessionName: sessionName });
        const { Credentials: given } = await sts.send(request);
        if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken) throw new Error("no credentials");
        return {
          accessKeyId: given.AccessKeyId,
          secretAccessKey: given.SecretAccessKey,
          sessionToken: given.SessionToken,
          ...(given.Expiration === undefined ? {} : { expiration: given.Expiration }),
        };
      } catch (error) {
        throw new RoleError(error);
      }
    };
    // The SDK keeps what this gives, and asks again before it expires.
    client = new KMSClient({ ...kmsConfig, credentials: assumeRole });
  }

  return {
    async encrypt(arn, plaintext, context, signal) {
      const input = { KeyId: arn, Plaintext: plaintext, EncryptionContext: Object.fromEntries(context) };
      return present((await client.send(new EncryptCommand(input), stopBy(signal))).CiphertextBlob);
    },
    async decrypt(arn, ciphertext, context, signal) {
      const input = { KeyId: arn, CiphertextBlob: ciphertext, EncryptionContext: Object.fromEntries(context) };
      return present((await client.send(new DecryptCommand(input), stopBy(signal))).Plaintext);
    },
  };
}

function stopBy(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal === undefined ? {} : { abortSignal: signal };
}

function present(bytes: Uint8Array | undefined): Uint8Array {
  if (bytes === undefined || bytes.length === 0) throw failed("AWS KMS answered without a result");
  return bytes;
}

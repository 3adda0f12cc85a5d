import { isRemoteAddress, keyServiceAt } from "../crypto/key-service/grpc-client.ts";
import { KeyleafError } from "../errors.ts";
import { goBoolean } from "../go-boolean.ts";
import type { KeyService, KeyServices } from "../host.ts";
import { type CliHost, type Context, type Flags, withHost } from "./context.ts";
import { warn } from "./report.ts";

/** Key services: `--keyservice`, `--enable-local-keyservice` and their variables. Loaded only where one of them is given. */

/**
 * The context with the key services that flags and environment name, which every command then goes through.
 * @throws `USAGE` for an address that is none; under the name sops that is a warning, and it is left out.
 *
 * Source: SOPS cmd/sops/main.go, `keyservices`.
 */
export function withKeyServices(flags: Flags, context: Context): Context {
  const { env } = context.host;
  // A flag takes the place of the variable. Both are lists with commas.
  const texts = flags.text("keyservice") ?? env["SOPS_KEYSERVICE"] ?? "";
  const services: KeyService[] = [];
  for (const text of texts.split(",")) {
    const address = text.trim();
    if (address !== "") services.push(...serviceAt(address, context));
  }
  const keyServices: KeyServices = { isLocalOn: isLocalOn(flags, env), services };
  return withHost(context, { keyServices });
}

function serviceAt(address: string, context: Context): KeyService[] {
  try {
    const service = keyServiceAt(address);
    if (isRemoteAddress(address) && context.program !== "sops") {
      warn(context, `key service ${address}: data keys go over the network in the clear; use a tunnel`);
    }
    return [service];
  } catch (error) {
    if (context.program !== "sops" || !(error instanceof KeyleafError)) throw error;
    warn(context, `${error.message}: it is left out`);
    return [];
  }
}

/** Unless it is switched off. As in the reference, a variable that is set to nothing switches it off too. */
function isLocalOn(flags: Flags, env: CliHost["env"]): boolean {
  const flag = flags.text("enable-local-keyservice");
  if (flag !== undefined) return flag === "true";
  const text = env["SOPS_ENABLE_LOCAL_KEYSERVICE"] ?? "true";
  const isOn = text === "" ? false : goBoolean(text);
  if (isOn === null) throw new KeyleafError("USAGE", "SOPS_ENABLE_LOCAL_KEYSERVICE is neither true nor false");
  return isOn;
}

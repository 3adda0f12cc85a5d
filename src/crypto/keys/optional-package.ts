import { KeyleafError } from "../../errors.ts";
import { codeOf } from "./network-reasons.ts";

/**
 * Loads a package that only some users have installed; the standalone executable brings all of them.
 * @param spec - name and version to install, `@azure/identity@4.13`.
 * @param load - the import, which has to stand where bundlers see it.
 * @throws `PROVIDER_FAILED` with what to run.
 */
export async function optionalPackage<T>(
  spec: string,
  what: string,
  provider: string,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const code = codeOf(error);
    // Otherwise it is there, and broken.
    if (code !== "MODULE_NOT_FOUND" && code !== "ERR_MODULE_NOT_FOUND") throw error;
    const name = spec.replace(/(?<=.)@.*$/, "");
    throw new KeyleafError("PROVIDER_FAILED", `${what} needs the package ${name}, which is not installed`, {
      hint: `run "npm install ${spec}" where keyleaf is installed (with -g if that was), or use the standalone executable`,
      details: { provider },
    });
  }
}

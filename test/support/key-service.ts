/** Key services for tests that need no network. */
import { answer } from "../../src/crypto/key-service/answer.ts";
import { KeyleafError } from "../../src/errors.ts";
import type { Host, KeyService, KeyServiceMethod } from "../../src/host.ts";

export interface NotedService extends KeyService {
  /** What it was called for, in order. */
  readonly calls: KeyServiceMethod[];
}

/** A service that answers with the keys of another host, in this process. */
export function serviceOf(host: Host, address = "unix:///other"): NotedService {
  return serviceThat(address, (method, request) => answer(method, request, host, async () => true));
}

/** A service that cannot be reached. */
export function brokenService(address = "unix:///broken"): NotedService {
  return serviceThat(address, async () => {
    throw new KeyleafError("PROVIDER_FAILED", `key service ${address}: broken`);
  });
}

export function serviceThat(
  address: string,
  call: (method: KeyServiceMethod, request: Uint8Array, signal?: AbortSignal) => Promise<Uint8Array>,
): NotedService {
  const calls: KeyServiceMethod[] = [];
  return {
    address,
    calls,
    call: async (method, request, signal) => {
      calls.push(method);
      try {
        return await call(method, Uint8Array.from(request), signal);
      } catch (error) {
        if (error instanceof KeyleafError) throw error;
        throw new KeyleafError(
          "PROVIDER_FAILED",
          `key service ${address}: ${error instanceof Error ? error.message : ""}`,
        );
      }
    },
  };
}

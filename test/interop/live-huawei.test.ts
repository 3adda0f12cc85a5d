import { afterEach, beforeEach, expect, it } from "vitest";
import { bothWays, SOURCES } from "../support/both-ways.ts";
import { describePeer, sopsProgram } from "../support/peers.ts";
import { alice } from "../support/sops.ts";
import { HUAWEI_USER, KEY_ID, type StandInHuawei, standInHuawei } from "../support/stand-in-huawei.ts";

/** Keys of HuaweiCloud KMS in files that go to sops and come from there; a stand-in on this machine is the service. */

describePeer("sops 3.11.0 and this program with a stand-in for HuaweiCloud KMS", "sops", sopsProgram(), (sopsPath) => {
  const key = `tr-west-1:${KEY_ID}`;
  let huawei: StandInHuawei;
  let stop: () => void;
  let env: Readonly<Record<string, string>>;
  const { write, read, sops, enc, seal, expectOpens, expectOpensAs } = bothWays(sopsPath, () => env);

  beforeEach(async () => {
    huawei = standInHuawei({ keys: { [KEY_ID]: "enabled", "another-key": "enabled" } });
    const served = await huawei.serve();
    stop = served.stop;
    env = {
      HUAWEICLOUD_SDK_REGION_KMS_TR_WEST_1: served.address,
      HUAWEICLOUD_SDK_AK: HUAWEI_USER.accessKey,
      HUAWEICLOUD_SDK_SK: HUAWEI_USER.secretKey,
      HUAWEICLOUD_SDK_PROJECT_ID: HUAWEI_USER.projectId,
    };
  });
  afterEach(() => stop());

  it.each(SOURCES)("one key, .%s", (extension, text) => expectOpensAs(extension, text, ["--hckms", key]));

  it.each([
    ["flat", `creation_rules:\n  - hckms: ["${key}", "tr-west-1:another-key"]\n`],
    [
      "in a key group",
      `creation_rules:\n  - key_groups:\n      - hckms: [{key_id: "${key}"}, {key_id: "tr-west-1:another-key"}]\n`,
    ],
  ])("from the same rule, %s", async (_, config) => {
    write(".sops.yaml", config);
    for (const sealed of await seal([])) {
      expect(read(sealed).match(/key_id: .*/g)).toEqual([`key_id: ${key}`, "key_id: tr-west-1:another-key"]);
      await expectOpens(sealed, env);
    }
  });

  it("from the variable, and with credentials of the profile", async () => {
    const { HUAWEICLOUD_SDK_AK: ak, HUAWEICLOUD_SDK_SK: sk, HUAWEICLOUD_SDK_PROJECT_ID: id, ...others } = env;
    const profile = `[other]\nak = no\n[basic]\nak = ${ak}\nsk = ${sk}\nproject_id = ${id}\n`;
    // The two have different homes here.
    for (const home of ["", "home/"]) write(`${home}.huaweicloud/credentials`, profile);
    const variables = { ...others, SOPS_HUAWEICLOUD_KMS_IDS: key };
    for (const sealed of await seal([], "sample.yaml", variables)) await expectOpens(sealed, others);
  });

  it("with temporary credentials, and a project that has to be asked for", async () => {
    huawei = standInHuawei({ securityToken: "test-only-token" });
    const { address, stop: stopOther } = await huawei.serve();
    try {
      const { HUAWEICLOUD_SDK_PROJECT_ID: id, ...others } = env;
      const temporary = {
        ...others,
        HUAWEICLOUD_SDK_SECURITY_TOKEN: "test-only-token",
        HUAWEICLOUD_SDK_REGION_KMS_TR_WEST_1: address,
      };
      // The SDK takes no address of IAM without TLS, so sops is told the project.
      const asked = { ...temporary, HUAWEICLOUD_SDK_IAM_ENDPOINT: address };
      expect((await enc(asked, "--hckms", key, "-o", "here.yaml", "sample.yaml")).status).toBe(0);
      expect(huawei.asked).toEqual([
        "GET /v3/projects?name=tr-west-1",
        `POST /v1.0/${HUAWEI_USER.projectId}/kms/encrypt-data`,
      ]);
      await expectOpens("here.yaml", { ...temporary, HUAWEICLOUD_SDK_PROJECT_ID: `${id}` });
    } finally {
      stopOther();
    }
  });

  it("beside an age key: either opens, and neither of the two without", async () => {
    for (const sealed of await seal(["--hckms", key, "--age", alice.recipient])) {
      await expectOpens(sealed, env);
      await expectOpens(sealed, { SOPS_AGE_KEY: alice.identity });
      const wrong = { ...env, HUAWEICLOUD_SDK_SK: "wrong" };
      const shut = await enc(wrong, "decrypt", sealed);
      expect(shut).toMatchObject({ status: 128, stdout: "" });
      expect(shut.stderr).toMatch(/verify aksk signature fail \(APIG\.0301\).*HUAWEICLOUD_SDK_SK/);
      expect((await sops(wrong, "decrypt", sealed)).status).toBe(128);
    }
  });

  it("rotated by sops", async () => {
    const [here = ""] = await seal(["--hckms", key]);
    const flags = ["--add-hckms", "tr-west-1:another-key", "--rm-hckms", key];
    expect(await sops(env, "rotate", "-i", ...flags, here)).toMatchObject({ status: 0, stderr: "" });
    expect(read(here)).not.toContain(KEY_ID);
    await expectOpens(here, env);
  });

  it.each(["nowhere-9:x", "tr-west-1", ":x", "tr-west-1:"])("neither takes the key %s", async (bad) => {
    expect(await enc(env, "encrypt", "--hckms", bad, "sample.yaml")).toMatchObject({ status: 1, stdout: "" });
    const { status, stdout } = await sops(env, "encrypt", "--hckms", bad, "sample.yaml");
    expect([status, stdout.length]).toEqual([expect.any(Number), 0]);
    expect(status).not.toBe(0);
  });
});

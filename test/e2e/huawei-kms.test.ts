import { afterAll, beforeAll, expect, it } from "vitest";
import { HUAWEI_USER, KEY_ID, standInHuawei } from "../support/stand-in-huawei.ts";
import { run, type Sandbox, sandbox } from "./program.ts";

/** A key of HuaweiCloud KMS with the built programs as they are; a stand-in on this machine is the service. */

const plain = "a: b # note\nc: [1, 0x1F]\n";
const key = `tr-west-1:${KEY_ID}`;
const huawei = standInHuawei({ securityToken: "test-only-token" });
let address: string;
let stop: () => void;

beforeAll(async () => {
  ({ address, stop } = await huawei.serve());
});
afterAll(() => stop());

const env = (): Record<string, string> => ({
  HUAWEICLOUD_SDK_REGION_KMS_TR_WEST_1: address,
  HUAWEICLOUD_SDK_IAM_ENDPOINT: address,
});
const user = {
  HUAWEICLOUD_SDK_AK: HUAWEI_USER.accessKey,
  HUAWEICLOUD_SDK_SK: HUAWEI_USER.secretKey,
  HUAWEICLOUD_SDK_SECURITY_TOKEN: "test-only-token",
};

async function expectThereAndBack(box: Sandbox, variables: Readonly<Record<string, string>>): Promise<void> {
  box.write("plain.yaml", plain);
  const sealed = await run("enc", box, ["--hckms", key, "-o", "s.yaml", "plain.yaml"], { env: variables });
  expect([sealed.status, sealed.stderr]).toEqual([0, ""]);
  expect(box.read("s.yaml")).toContain(`key_id: ${key}`);
  const opened = await run("dec", box, ["s.yaml"], { env: variables });
  expect(opened).toMatchObject({ status: 0, stdout: plain, stderr: "" });
}

it("wraps the data key, and unwraps it", async () => {
  await expectThereAndBack(sandbox({ hasIdentity: false }), { ...env(), ...user });
});

it("with the user's profile", async () => {
  const box = sandbox({ hasIdentity: false });
  const { accessKey, secretKey } = HUAWEI_USER;
  const profile = `[basic]\nak = ${accessKey}\nsk = ${secretKey}\nsecurity_token = test-only-token\n`;
  box.write(`${box.home}/.huaweicloud/credentials`, profile, 0o600);
  await expectThereAndBack(box, env());
});

it("that cannot be used is an error with the reason and what to do", async () => {
  const box = sandbox({ hasIdentity: false });
  await expectThereAndBack(box, { ...env(), ...user });
  const wrong = { ...env(), ...user, HUAWEICLOUD_SDK_SK: "canary" };
  const shut = await run("dec", box, ["s.yaml"], { env: wrong });
  expect(shut).toMatchObject({ status: 128, stdout: "" });
  expect(shut.stderr).toMatch(/verify aksk signature fail.*HUAWEICLOUD_SDK_SK/);
  expect(shut.stderr).not.toContain("canary");
  const unknown = await run("enc", box, ["--hckms", "xx-1:y", "plain.yaml"], { env: { ...env(), ...user } });
  expect(unknown).toMatchObject({ status: 1, stdout: "" });
  expect(unknown.stderr).toContain('no KMS in a region "xx-1"');
});

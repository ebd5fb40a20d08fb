// With tokens: the page asks for one, says what is wrong with it, and offers only what its role may do.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { System, browse, open, picture, violations } from "./system.mjs";

let system, browser, admin;

before(async () => {
  system = await System.launch(["--simulated-workers", "2", "--cores", "4"], { WHARFINGER_SECURITY__TOKENS_REQUIRED: "true" });
  admin = readFileSync(join(system.folder, "state/admin-token"), "utf8").trim();
  browser = await browse();
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

async function enter(page, token) {
  await page.locator("main").getByRole("textbox", { name: "Token" }).fill(token);
  await page.locator("main").getByRole("button", { name: "Use it" }).click();
}

test("without a token nothing is shown but how to get one, and a wrong one is named", async () => {
  const page = await open(browser, system.url);
  await page.getByRole("heading", { name: "A token is needed" }).waitFor();
  assert.equal(await page.locator("canvas").count(), 0);
  assert.deepEqual(await violations(page), []);
  await picture(page, "locked");
  await enter(page, "wh_wrong_token");
  await page.getByText("api-unauthorized").waitFor();
  await enter(page, admin);
  await page.locator("canvas").waitFor();
  assert.equal(new URL(page.url()).search, "", "no token in the address");
});

test("each role is offered what it may do, and no more", async () => {
  const offered = {
    read: { job: [], node: [] },
    submit: { job: ["Stop …"], node: [] },
    operate: { job: ["Stop …", "Stop the task …", "Migrate …", "Checkpoint …"], node: ["Cordon …", "Drain …", "Drain by moving …"] },
    admin: { job: ["Stop …", "Stop the task …", "Migrate …", "Checkpoint …"], node: ["Cordon …", "Drain …", "Drain by moving …"] },
  };
  const job = { name: "long", tasks: { work: { kind: "container", command: ["sleep", "600"], resources: { cores: 1 }, expected_s: 600 } } };
  const { id } = await system.ask("v1/jobs", { token: admin, body: job });
  const { nodes } = await system.ask("v1/nodes", { token: admin });
  for (const [role, { job, node }] of Object.entries(offered)) {
    const { token } = await system.ask("v1/tokens", { token: admin, body: { role } });
    const page = await open(browser, system.url);
    await enter(page, token);
    await page.locator("canvas").waitFor();
    await page.locator(".settings summary", { hasText: role }).waitFor();
    await page.goto(`${system.url}#/job/${id}`);
    await page.getByRole("heading", { name: "running" }).waitFor();
    await page.getByRole("button", { name: "Output, history" }).click();
    assert.deepEqual(await page.locator(".deeds > button").allInnerTexts(), job, role);
    await page.goto(`${system.url}#/node/${nodes[0].name}`);
    await page.getByText("NUMA 0").waitFor();
    assert.deepEqual(await page.locator(".deeds > button").allInnerTexts(), node, role);
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(page.faults, [], role);
    await page.context().close();
  }
});

test("a task is moved, a node is emptied by moving, and a job is restored from a checkpoint, where the engine can do that", async () => {
  const page = await open(browser, `${system.url}#/jobs`);
  await enter(page, admin);
  const deed = async (name) => {
    await page.getByRole("button", { name: `${name} …`, exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name, exact: true }).click();
  };
  await page.getByRole("link", { name: "long" }).click();
  const place = page.locator("td a[href^='#/node/']");
  const first = await place.innerText();
  await page.getByRole("button", { name: "Output, history" }).click();
  await deed("Migrate");
  await page.getByText(/→ .*: moved/).waitFor();
  const second = await place.innerText();
  assert.notEqual(second, first);
  await place.click();
  await page.getByText("NUMA 0").waitFor();
  await deed("Drain by moving");
  await page.getByText("No task runs here.").waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: "running" }).waitFor();
  assert.equal(await place.innerText(), first);
  await page.getByRole("button", { name: "Output, history" }).click();
  await deed("Checkpoint");
  await page.getByText(/Checkpoint of .* the task stood still at most/).waitFor();
  await deed("Stop");
  await page.getByRole("heading", { name: "stopped" }).waitFor();
  await deed("Restore");
  await page.getByRole("heading", { name: "running" }).waitFor();
  assert.deepEqual(page.faults, []);
});

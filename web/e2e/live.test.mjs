// Every view of a live system whose tasks are real processes, and what can be done there.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { System, browse, eventually, open, picture, violations } from "./system.mjs";

const HOSTILE = "<img src=x onerror=window.hacked=1>";
let system, browser, page;

before(async () => {
  system = await System.launch();
  await system.work("alpha", "0");
  browser = await browse();
  page = await open(browser, system.url);
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

/** Stops what has not ended, so that a test begins with a free core. */
async function clear() {
  for (const job of (await system.ask("v1/jobs")).jobs) {
    if (!["succeeded", "failed", "stopped"].includes(job.state)) await system.ask(`v1/jobs/${job.id}/actions`, { body: { action: "stop" } }).catch(() => undefined);
  }
  await eventually("the core is free", async () => (await system.ask("v1/nodes/alpha")).allocated.cores === 0);
}

const go = (view) => page.goto(`${system.url}#/${view}`);
const text = (selector) => page.locator(selector).innerText();

test("the map shows who holds a core, to the pointer and to the keyboard, and user text stays text", async () => {
  await page.getByText("0 of 1 core held").waitFor();
  const id = await system.submit("tide", { labels: { class: HOSTILE }, task: { expected_s: 600 } });
  await page.getByText("1 of 1 core held").waitFor();
  await page.getByText(`tide (${id})`).waitFor();
  await page.locator("canvas").focus();
  await page.keyboard.press("ArrowRight");
  await page.getByText("alpha: ready, lease held").waitFor();
  await page.keyboard.press("Shift+ArrowRight");
  const words = await eventually("the core is told", async () => /task work 0 of job tide/.test(await text(".pointed")) && text(".pointed"));
  assert.match(words, /core 0: task work 0 of job tide \(j\d+\), running/);
  assert.match(words, /expected end .*, in \d+ min/);
  assert.ok(words.includes(HOSTILE), words);
  await page.getByLabel("Colour by").selectOption("class");
  await page.locator(".legend").getByText(HOSTILE).waitFor();
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.deepEqual(await violations(page), []);
  await picture(page, "map-1");
  await page.locator("canvas").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Job tide" }).waitFor();
});

test("the queue says why a job waits, and the job what it waits for", async () => {
  const id = await system.submit("later");
  await go("queue");
  await page.getByRole("link", { name: "later" }).waitFor();
  await page.locator("tr", { hasText: "cores_short" }).waitFor();
  const row = await page.locator("tr", { hasText: "later" }).innerText();
  assert.match(row, /1 core/);
  assert.match(row, /alpha/);
  assert.deepEqual(await violations(page), []);
  await picture(page, "queue");
  await page.getByRole("link", { name: "later" }).click();
  await page.getByText("cores_short:").waitFor();
  assert.match(await text(".facts"), /Execution\s+not begun/);
  await system.ask(`v1/jobs/${id}/actions`, { body: { action: "stop" } });
  await page.getByRole("heading", { name: "stopped" }).waitFor();
});

test("a job is stopped after it was said what will happen, and tried again", async () => {
  await go("jobs");
  await page.getByRole("link", { name: "tide" }).click();
  await page.getByRole("button", { name: "Stop …", exact: true }).click();
  const dialog = page.getByRole("dialog");
  assert.match(await dialog.innerText(), /SIGTERM/);
  assert.deepEqual(await violations(page), []);
  await dialog.getByRole("button", { name: "Leave it" }).click();
  assert.equal(await dialog.count(), 0);
  await page.getByRole("button", { name: "Stop …", exact: true }).click();
  await dialog.getByRole("button", { name: "Stop", exact: true }).click();
  await page.getByRole("heading", { name: "stopped" }).waitFor();
  await page.getByRole("button", { name: "Retry …" }).click();
  await dialog.getByRole("button", { name: "Retry", exact: true }).click();
  await page.getByRole("heading", { name: "running" }).waitFor();
  await page.getByRole("button", { name: "Output, history" }).click();
  await page.getByRole("button", { name: "Migrate …" }).click();
  await dialog.getByRole("button", { name: "Migrate", exact: true }).click();
  await page.getByRole("alert").waitFor();
  assert.match(await page.getByRole("alert").first().innerText(), /api-/);
  await page.getByRole("button", { name: "Checkpoint …" }).click();
  await dialog.getByRole("button", { name: "Checkpoint", exact: true }).click();
  await page.getByText("cannot checkpoint a running task").waitFor();
  await page.getByRole("button", { name: "Stop the task …" }).click();
  await dialog.getByRole("button", { name: "Stop the task", exact: true }).click();
  await page.getByRole("heading", { name: "stopped" }).waitFor();
});

test("tasks are drawn with what they wait for, and an output is read while it is written, as text", async () => {
  await clear();
  const script = `echo '${HOSTILE}'; for i in 1 2 3 4 5 6; do echo line $i; sleep 0.4; done`;
  const task = (command, depends_on = []) => ({ kind: "container", command: ["/bin/sh", "-c", command], resources: { cores: 1, memory: "16m" }, depends_on });
  const { id } = await system.ask("v1/jobs", { body: { name: "chain", tasks: { first: task(script), second: task("true", [{ task: "first" }]) } } });
  await go(`job/${id}`);
  await page.getByRole("img", { name: "second waits for first" }).waitFor();
  await page.getByRole("button", { name: "Output, history" }).first().click();
  await page.locator(".output", { hasText: "line 6" }).waitFor();
  const output = await text(".output");
  assert.ok(output.includes(HOSTILE), output);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  await page.getByRole("heading", { name: "succeeded" }).waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, "job");
});

test("a task that moves shows how much of it has come", async () => {
  // A process does not move, so the words of the system are those of one that does.
  const id = await system.submit("heavy");
  await eventually("it runs", async () => (await system.ask(`v1/jobs/${id}`)).state === "running");
  const job = await system.ask(`v1/jobs/${id}`);
  const task = { ...job.tasks.work, state: "migrating", move: { from: "alpha", to: "beta", phase: "restoring", since: job.submitted_at, bytes: 268435456 } };
  await page.route(`**/v1/jobs/${id}`, (route) => route.fulfill({ json: { ...job, tasks: { work: task } } }));
  const fetch = { node: "beta", what: "checkpoint", bytes: 67108864, total_bytes: 268435456 };
  await page.route(`**/v1/jobs/${id}/tasks/work/progress*`, (route) => route.fulfill({ json: { fetch } }));
  await go(`job/${id}`);
  const bar = page.getByRole("progressbar", { name: "checkpoint of work 0" });
  await bar.waitFor();
  assert.deepEqual([await bar.getAttribute("value"), await bar.getAttribute("max")], ["67108864", "268435456"]);
  await page.getByText("beta has 64 MiB of 256 MiB of the checkpoint").waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, "fetching");
  await page.unrouteAll();
  await clear();
});

test("a node shows its groups of cores, its memory and its events; it is cordoned and drained", async () => {
  await clear();
  await go("nodes");
  await page.getByRole("link", { name: "alpha" }).click();
  await page.getByText("NUMA 0").waitFor();
  assert.match(await text(".facts"), /0 B reserved, 256 MiB free/);
  await page.locator(".events li").first().waitFor();
  const dialog = page.getByRole("dialog");
  for (const [deed, seen] of [["Cordon", "cordoned: no new tasks"], ["Uncordon", "ready, lease held"]]) {
    await page.getByRole("button", { name: `${deed} …`, exact: true }).click();
    await dialog.getByRole("button", { name: deed, exact: true }).click();
    await page.getByText(seen).waitFor();
  }
  assert.deepEqual(await violations(page), []);
  await picture(page, "node");
  await page.getByRole("button", { name: "Drain …", exact: true }).click();
  assert.match(await dialog.innerText(), /gets no new tasks/);
  await dialog.getByRole("button", { name: "Drain", exact: true }).click();
  await page.getByRole("heading", { name: "draining" }).waitFor();
  await page.getByRole("button", { name: "Undrain …" }).click();
  await dialog.getByRole("button", { name: "Undrain", exact: true }).click();
  await page.getByRole("heading", { name: "ready" }).waitFor();
});

test("figures are drawn over time, and a switch of the policy is marked there and in the events", async () => {
  await go("events");
  const told = (type) => page.locator(".events code", { hasText: type });
  await told("node.state").first().waitFor();
  assert.equal(await told("policy.changed").count(), 0);
  await system.ask("v1/policies/placement", { method: "PUT", body: "l2" });
  await told("policy.changed").waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByLabel("policy.changed").uncheck();
  await told("policy.changed").waitFor({ state: "detached" });
  await told("node.state").first().waitFor();
  await go("time");
  await page.locator("svg g.mark-policy").first().waitFor();
  assert.match(await page.locator("figcaption").first().innerText(), /Cores held: held \d+ %/);
  assert.deepEqual(await violations(page), []);
  await picture(page, "time");
  // A mark is drawn only within the samples: those before the page was opened are there too.
  const later = await open(browser, `${system.url}#/time`);
  await later.locator("svg g.mark-policy").first().waitFor();
  await later.locator("details", { hasText: "Marks as a list" }).locator("summary").click();
  await later.getByText("policy l2").last().waitFor();
  await later.close();
});

test("what another policy would do is told beside the one in force, and nothing changes", async () => {
  await clear();
  await go("whatif");
  await page.getByRole("button", { name: "Try it" }).click();
  await page.getByText("nothing runs or waits").waitFor();
  const id = await system.submit("asked", { task: { expected_s: 30 } });
  await eventually("it runs", async () => (await system.ask(`v1/jobs/${id}`)).state === "running");
  await page.getByLabel("Policy").selectOption("first-fit");
  await page.getByRole("button", { name: "Try it" }).click();
  await page.getByText("equal hashes, equal runs").waitFor();
  assert.match(await page.locator("tr", { hasText: "Jobs that end well" }).innerText(), /1\s+1\s+= the same/);
  assert.deepEqual(await violations(page), []);
  await picture(page, "whatif");
  assert.equal((await system.ask("v1/policies")).placement.name, "l2");
});

test("every view works at 400 pixels and in the dark, and nothing was complained of", async () => {
  const narrow = await open(browser, system.url, { viewport: { width: 400, height: 800 }, colorScheme: "dark" });
  for (const view of ["map", "queue", "jobs", "nodes", "time", "events", "whatif", "node/alpha", "job/j0", "nowhere"]) {
    await narrow.goto(`${system.url}#/${view}`);
    await narrow.locator("main > *").first().waitFor();
    await narrow.waitForTimeout(300);
    const wide = await narrow.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `${view} is ${wide} pixels too wide`);
    assert.deepEqual(await violations(narrow), [], view);
    await picture(narrow, `narrow-${view.replace("/", "-")}`);
  }
  assert.deepEqual([...page.faults, ...narrow.faults], []);
});

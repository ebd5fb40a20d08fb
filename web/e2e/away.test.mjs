// The system is killed and launched again under an open page.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { System, browse, eventually, open, picture, violations } from "./system.mjs";

let system, browser;

before(async () => {
  system = await System.launch(["--simulated-workers", "10", "--cores", "8"]);
  browser = await browse();
});

after(async () => {
  await browser?.close();
  await system?.stop();
});

test("the page says that the system is away, keeps what it knew, and goes on without a reload", async () => {
  const page = await open(browser, system.url);
  await page.getByText("10 nodes").waitFor();
  await page.evaluate(() => {
    window.same = true;
    window.shifted = [];
    const said = (entry) => `${entry.value.toFixed(3)} ${entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 80) ?? node?.textContent).join(" | ")}`;
    new PerformanceObserver((list) => window.shifted.push(...list.getEntries().filter((entry) => entry.value >= 0.001).map(said))).observe({ type: "layout-shift" });
  });
  await system.kill();
  await page.getByText("What is shown is as it was").waitFor();
  assert.match(await page.locator("header").innerText(), /disconnected/);
  assert.match(await page.locator(".map .figures").innerText(), /10 nodes/);
  assert.deepEqual(await violations(page), []);
  await picture(page, "away");
  await system.start();
  await page.locator(".connection.live").waitFor();
  assert.equal(await page.locator(".banner .notice").count(), 0);
  // A simulated task without an estimate takes a second, which a busy browser may not see.
  await system.submit("after", { task: { expected_s: 600 } });
  await page.locator(".legend").getByText("after").waitFor();
  assert.equal(await page.evaluate(() => window.same), true, "it was not loaded again");
  assert.deepEqual(await page.evaluate(() => window.shifted), [], "nothing has moved");
  assert.deepEqual(page.faults, []);
});

test("a page that was opened before the system is empty says how to begin", async () => {
  const lonely = await System.launch();
  try {
    const page = await open(browser, lonely.url);
    await page.getByText("No node has joined.").waitFor();
    assert.deepEqual(await violations(page), []);
    await picture(page, "empty");
    for (const [view, words] of [["queue", "Nothing waits."], ["jobs", "No such job."], ["nodes", "No such node."], ["events", "Nothing yet."]]) {
      await page.goto(`${lonely.url}#/${view}`);
      await page.getByText(words).waitFor();
    }
    await page.goto(`${lonely.url}#/job/j99`);
    await page.getByText("api-unknown-job").waitFor();
    assert.deepEqual(await violations(page), []);
  } finally {
    await lonely.stop();
  }
});

test("a stream that falls silent is noticed", async () => {
  const page = await open(browser, system.url);
  await page.locator(".connection.live").waitFor();
  system.process.kill("SIGSTOP");
  await page.locator(".connection.lost").waitFor();
  system.process.kill("SIGCONT");
  await eventually("it is back", async () => (await page.locator(".connection.live").count()) === 1);
});

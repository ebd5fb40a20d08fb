// What the page costs at 10,000 nodes of 64 cores with 5,000 task changes a second: the time of a picture, and bytes a second.
import { System, browse, eventually, open, picture } from "./system.mjs";

const [NODES, CORES, TASKS, JOBS_PER_SECOND, RUN_S, MEASURED_S] = [10_000, 64, 50, 57, 15, 20];
const TARGETS = { pictureMs: 33, bytesPerSecond: 300_000 };

const rank = (values, percent) => [...values].sort((one, other) => one - other)[Math.max(0, Math.ceil((percent / 100) * values.length) - 1)];

/** Jobs of which so many tasks begin, and after a while end, each second. */
function load(system) {
  let number = 0;
  const task = { kind: "container", command: ["x"], count: TASKS, resources: { cores: 8, memory: "64m" }, expected_s: RUN_S };
  return setInterval(() => {
    const name = `job-${number}`;
    number += 1;
    void system.ask("v1/jobs", { body: { name, gang: false, labels: { class: `class-${number % 5}` }, tasks: { work: task } } }).catch((error) => console.error(String(error)));
  }, 1000 / JOBS_PER_SECOND);
}

const system = await System.launch(["--simulated-workers", String(NODES), "--cores", String(CORES), "--memory", "256GiB"]);
const browser = await browse();
let timer;
try {
  const page = await open(browser, system.url);
  await page.getByText(`10\u202f000 nodes`).waitFor();
  timer = load(system);
  await eventually("tasks begin", async () => (await page.locator(".map .figures").innerText()).match(/([\d\u202f]+) of/) !== null);
  // As many tasks end as begin only when the first have run their time.
  await page.waitForTimeout(RUN_S * 1000 + 5_000);
  const session = await page.context().newCDPSession(page);
  let bytes = 0;
  session.on("Network.dataReceived", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await session.send("Network.enable");
  await session.send("Performance.enable");
  // The stream was opened before the counting began, so the page opens it anew; its beginning is not counted.
  await page.reload();
  await page.locator(".connection.live").waitFor();
  await page.waitForTimeout(3_000);
  const work = async () => Object.fromEntries((await session.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value])).TaskDuration;
  const placed = async () => Number(/wharfinger_tasks_placed_total (\d+)/.exec(await (await fetch(`${system.url}metrics`)).text())?.[1] ?? 0);
  const [placedBefore, workBefore] = [await placed(), await work()];
  bytes = 0;
  const opening = Math.max(...(await page.evaluate(() => [...window.wharfingerPictures])));
  const gaps = await page.evaluate(async (measured) => {
    window.wharfingerPictures.length = 0;
    const gaps = [];
    let last = performance.now();
    const until = last + measured * 1000;
    while (last < until) {
      const now = await new Promise(requestAnimationFrame);
      gaps.push(now - last);
      last = now;
    }
    return gaps;
  }, MEASURED_S);
  const received = bytes / MEASURED_S;
  const [changes, busy] = [(2 * ((await placed()) - placedBefore)) / MEASURED_S, (await work()) - workBefore];
  const pictures = await page.evaluate(() => [...window.wharfingerPictures]);
  await picture(page, "bench");
  const line = (what, value, target) => console.log(`${what.padEnd(52)} ${value}${target ? `   (at most ${target})` : ""}`);
  const ms = (values) => [50, 95, 99].map((percent) => `${rank(values, percent).toFixed(1)}`).join(" / ") + " ms";
  line("nodes x cores", `${NODES} x ${CORES}`);
  line("task changes a second (begun and ended)", changes.toFixed(0));
  line("bytes a second on the wire", received.toFixed(0), TARGETS.bytesPerSecond);
  line("pictures of the map a second", (pictures.length / MEASURED_S).toFixed(1));
  line("a picture, 50 / 95 / 99 of 100", ms(pictures), `${TARGETS.pictureMs} ms`);
  line("the longest picture while the page opens", `${opening.toFixed(0)} ms`);
  line("between two frames of the screen, 50 / 95 / 99", ms(gaps));
  line("the page's main thread is busy", `${((100 * busy) / MEASURED_S).toFixed(0)} % of the time`);
  if (received > TARGETS.bytesPerSecond || rank(pictures, 95) > TARGETS.pictureMs) process.exitCode = 1;
} finally {
  clearInterval(timer);
  await browser.close();
  await system.stop();
}

/** Frames: read as Rust wrote them, wherever the pieces of the stream end. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Cutter } from "../src/wire";

// Written by the test of the server's frames, and compared there with what the code writes now.
const FRAMES = readFileSync("tests/frames.bin");

test("frames are read whatever the pieces that they come in", () => {
  const whole = new Cutter().take(FRAMES);
  assert.equal(whole.length, 2);
  for (const size of [1, 3, 7, 64]) {
    const cutter = new Cutter();
    const frames = [];
    for (let at = 0; at < FRAMES.length; at += size) frames.push(...cutter.take(FRAMES.subarray(at, at + size)));
    assert.deepEqual(frames, whole);
  }
});

test("every field of a frame is read", () => {
  const [first, second] = new Cutter().take(FRAMES);
  assert.ok(first && second);
  assert.equal(first.anew, true);
  assert.equal(first.whole, true);
  assert.equal(first.time, 1_768_469_400_120);
  assert.deepEqual(first.nodes[0], {
    node: 3, name: "alpha", state: 1, forMs: 70_000, cordoned: true, suspect: false, cores: [[0, 4], [8, 4]],
    numa: [[[0, 4]], [[8, 4]]], cache: [[[0, 12]]], memoryBytes: 2 ** 40, labels: [["zone", "<b>north</b>"]],
  });
  assert.deepEqual(first.jobs[0], { job: 300, name: "tide", class: "batch", priority: -7, submittedMs: 90_000, tasks: [["run", 2], ["end", 1]] });
  assert.deepEqual(first.held[0], { node: 3, job: 300, instance: 1, state: 3, cores: [[8, 2]], forMs: 5, startedMs: 5, expectedMs: 60_000 });
  assert.equal(first.held[1]?.startedMs, null);
  assert.deepEqual(second.freed, [{ node: 3, job: 300, instance: 1 }]);
  assert.equal(second.policy, "l2");
});

test("a frame that ends too early is an error and not a wrong frame", () => {
  assert.throws(() => new Cutter().take(Uint8Array.of(2, 0, 0, 0, 1, 1)), /ends too early/);
});

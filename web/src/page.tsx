/** Where the page begins. */

import { render } from "preact";

import { Live } from "./live";
import { App } from "./views/app";
import { RerunApp } from "./views/rerun";

const root = document.getElementById("page");
if (root) {
  root.replaceChildren();
  const scene = document.querySelector<HTMLMetaElement>("meta[name=wharfinger-scene]")?.content;
  if (scene === "rerun") {
    render(<RerunApp />, root);
  } else {
    const live = new Live();
    render(<App live={live} />, root);
    void live.run();
  }
}

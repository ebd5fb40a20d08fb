/** Where the page begins. */

import { render } from "preact";

import { Live } from "./live";
import { App } from "./views/app";

const root = document.getElementById("page");
if (root) {
  const live = new Live();
  root.replaceChildren();
  render(<App live={live} />, root);
  void live.run();
}

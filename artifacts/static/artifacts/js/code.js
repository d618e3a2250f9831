/** A button that copies a block of code, on each that is settled. Loaded where there is code. */

import { copy } from "./clipboard.js";
import { eachSettled } from "./settled.js";

eachSettled("pre", (pre) => {
  if (pre.querySelector(".copy-code")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy-code";
  button.setAttribute("aria-label", "Copy this code");
  button.addEventListener("click", async () => {
    const copied = await copy({ "text/plain": pre.querySelector("code").textContent });
    button.dataset.done = copied ? "Copied" : "Not copied";
    setTimeout(() => delete button.dataset.done, 2000);
  });
  pre.prepend(button);
});

/** A button that copies what is shown this once. Without this module it is selected as a whole by one press. */

import { copy } from "./clipboard.js";

const SAID_MS = 3000;
const secret = document.querySelector("[data-secret]");
const button = secret.querySelector("button");
let timer = 0;

button.hidden = false;
button.addEventListener("click", async () => {
  const copied = await copy({ "text/plain": secret.querySelector("code").textContent });
  button.textContent = copied ? "Copied" : "Not copied";
  clearTimeout(timer);
  timer = setTimeout(() => (button.textContent = "Copy"), SAID_MS);
});

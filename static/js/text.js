/** A text that does not change: that of an earlier version, and what the admin shows of one. */

import { keepReachable } from "./reach.js";

for (const text of document.querySelectorAll(".prose")) keepReachable(text);

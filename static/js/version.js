/** The page of an earlier version. */

import { keepReachable } from "./reach.js";

keepReachable(document.querySelector(".prose"));

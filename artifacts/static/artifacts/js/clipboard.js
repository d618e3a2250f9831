/** Puts things on the clipboard. Loaded when a menu is opened, or where there is code to copy. */

/** Put what is given (or promised) on the clipboard; false where it did not work. */
export async function copy(kinds) {
  try {
    if (!navigator.clipboard) return copyPlainly(await kinds["text/plain"]);
    // Promises go in as they are: a browser that asks for a press of a button forgets it while we wait.
    const items = Object.entries(kinds).map(([kind, content]) => [kind, blob(content, kind)]);
    await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(items))]);
    return true;
  } catch {
    return false;
  }
}

async function blob(content, kind) {
  return new Blob([await content], { type: kind });
}

/** For addresses without TLS. */
function copyPlainly(content) {
  const area = document.createElement("textarea");
  area.value = content;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

/** From the address of a document's page, or of a read-only link to one, to where its frames come from. */

const PAGE = /^(.*\/)(?:artifacts|shared\/([^/]+))\/(\d+)\/?$/;

/** `{socket, events}`, each to be followed by `?format=`; null where the address is no document's. */
export function addressesOf(page) {
  const here = globalThis.document?.baseURI;
  if (!URL.canParse(page, here)) return null;
  const url = new URL(page, here);
  const [, base, secret, id] = PAGE.exec(url.pathname) ?? [];
  if (!id) return null;
  const way = `artifacts/${id}/${secret ? `link/${secret}/` : ""}`;
  return {
    socket: `${url.origin.replace(/^http/, "ws")}${base}ws/${way}`,
    events: `${url.origin}${base}api/${way}events`,
  };
}

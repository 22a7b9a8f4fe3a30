// The page's data: base64 of gzip of JSON, in script blocks. What a page shows first is placed before the scripts, the rest
// after them, so that a long page is usable while it loads.
"use strict";
const payload = (() => {
  async function block(name) {
    for (;;) {
      const found = document.getElementById(name);
      // a block with a next sibling is complete
      if ((found && found.nextElementSibling) || document.readyState !== "loading") return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  function bytesOf(base64) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < bytes.length; at++) bytes[at] = text.charCodeAt(at);
    return bytes;
  }

  async function unpack(name) {
    const bytes = bytesOf((await block(name)).textContent);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).json();
  }

  return { unpack };
})();

// Creates an element. Children that are strings become text nodes, so that no text is parsed as markup.
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

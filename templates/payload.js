// Data that the page carries: base64 of gzip of JSON, in script blocks. What a page shows first stands before the scripts,
// the rest after them, so that a long file can be used while it is still read.
"use strict";
const payload = (() => {
  async function block(name) {
    for (;;) {
      const there = document.getElementById(name);
      // one that has a next one is whole
      if ((there && there.nextElementSibling) || document.readyState !== "loading") return there;
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

// Makes an element; children that are texts become text nodes, so that no text is ever read as markup.
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

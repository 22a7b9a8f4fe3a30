// Data that the page carries: base64 of gzip of JSON, in script blocks that stand after the scripts.
"use strict";
const payload = (() => {
  const read = () => new Promise((resolve) => {
    if (document.readyState !== "loading") resolve();
    else document.addEventListener("DOMContentLoaded", resolve, { once: true });
  });

  // Gives the block, waiting for the rest of the file only where it has not come yet.
  async function block(name) {
    const there = document.getElementById(name);
    if (there && there.nextElementSibling) return there; // a later one has begun, so this one is whole
    await read();
    return document.getElementById(name);
  }

  async function unpack(name) {
    const bytes = Uint8Array.from(atob((await block(name)).textContent), (c) => c.charCodeAt(0));
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

// The button that cycles through auto, light and dark; the choice is stored in this browser.
(() => {
  "use strict";
  const button = document.getElementById("theme");
  const names = ["auto", "light", "dark"];
  const kept = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  let theme = names.includes(kept()) ? kept() : "auto";
  const show = () => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  };
  button.addEventListener("click", () => {
    theme = names[(names.indexOf(theme) + 1) % names.length];
    try { localStorage.setItem("theme", theme); } catch { /* a page from a file may have no storage: not remembered */ }
    show();
  });
  button.hidden = false;
  show();
})();

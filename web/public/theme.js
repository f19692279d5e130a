// Runs before anything is painted, so that nobody sees the other theme flash.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("cupcakery.theme");
  } catch {
    // A browser may keep nothing; then the system's theme counts.
  }
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();

// Sets the colour scheme before the page is drawn, so that none flashes up. No module: it blocks.
(() => {
  const stored = localStorage.getItem("picturedesk.theme");
  if (stored === "light" || stored === "dark") document.documentElement.dataset.theme = stored;
})();

"use strict";
// Sorting: headings become buttons; without this script the tables stand in their own order.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const inOrder = [...body.rows];
  const headings = [...[...table.tHead.rows].at(-1).cells]; // of columns; above them may be headings of groups
  const before = inOrder.length ? inOrder[0].cells.length - headings.length : 0;
  const valueOf = (row, place) => {
    const cell = row.cells[place];
    const text = "sort" in cell.dataset ? cell.dataset.sort : cell.textContent.trim();
    const number = parseFloat(text.replaceAll(",", ""));
    return Number.isNaN(number) ? (place === 0 && text !== "" ? text : null) : number;
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  headings.forEach((heading, index) => {
    const place = before + index;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const first = place === 0 ? "ascending" : "descending";
      const second = place === 0 ? "descending" : "ascending";
      const was = heading.getAttribute("aria-sort");
      const now = was === null ? first : was === first ? second : null;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      if (now !== null) heading.setAttribute("aria-sort", now);
      const rows = now === null ? inOrder : [...inOrder].sort((a, b) => {
        const [x, y] = [valueOf(a, place), valueOf(b, place)];
        if (x === null || y === null) return (x === null) - (y === null); // nothing measured comes last
        return now === "ascending" ? compare(x, y) : compare(y, x);
      });
      body.append(...rows);
    });
  });
}
// How a number was made: its entry below, shown above the table that was being read.
const dialog = document.getElementById("how");
const entryOf = (hash) => document.getElementById(decodeURIComponent(hash.slice(1)));
document.addEventListener("click", (event) => {
  const link = event.target.closest("a.how");
  const entry = link && entryOf(link.hash);
  if (!entry) return;
  event.preventDefault();
  document.getElementById("how-title").textContent = entry.querySelector("summary").textContent;
  document.getElementById("how-body").replaceChildren(entry.querySelector(".entry").cloneNode(true));
  dialog.showModal();
});
const open = () => {
  const entry = location.hash && entryOf(location.hash);
  if (entry instanceof HTMLDetailsElement) entry.open = true;
};
addEventListener("hashchange", open);
open();

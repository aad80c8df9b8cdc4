// What a person's eyes and hands need of a page. Runs anew with every question; nothing of it stays.
const plain = (text) => (text || "").replace(/\s+/g, " ").trim();
const shown = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && node.getClientRects().length > 0;
const stage = () => document.querySelector("dialog[open]") || document.body;
const all = (selector) => [...stage().querySelectorAll(selector)].filter(shown);
// What a thing is called: by its label, its own words, or what is said to who does not see it.
const called = (node) => plain(node.getAttribute("aria-label") || (node.labels && node.labels.length ? node.labels[0].innerText : node.innerText) || node.value);
const named = (nodes, words) =>
  nodes.find((node) => called(node) === words) || nodes.find((node) => called(node).startsWith(words)) || nodes.find((node) => called(node).includes(words));
const hands = {
  text: () => plain(document.body.innerText),
  sees: (words) => plain(document.body.innerText).includes(words),
  press: (words) => place(named(all("a, button, summary, [role=option], input[type=submit], input[type=checkbox], input[type=radio]"), words)),
  within: (around, words) => {
    const rows = all("tr, li, article, section, fieldset, .card").filter((row) => plain(row.innerText).includes(around));
    // The smallest thing that says it and holds what is wanted.
    rows.sort((a, b) => a.innerText.length - b.innerText.length);
    for (const row of rows) {
      const found = named([...row.querySelectorAll("a, button, summary, input[type=checkbox], input[type=radio]")].filter(shown), words);
      if (found) return place(found);
    }
    return null;
  },
  at: (selector) => place(all(selector)[0]),
  field: (label) => {
    const fields = all("input:not([type=hidden], [type=checkbox], [type=radio], [type=submit]), textarea, select");
    const found = named(fields, label);
    if (!found) return null;
    found.scrollIntoView({ block: "center" });
    found.focus();
    if (found.select) found.select();
    return document.activeElement === found;
  },
  choose: (label, words) => {
    const field = named(all("select"), label);
    const option = field && [...field.options].find((option) => plain(option.text).includes(words));
    if (!option) return null;
    field.value = option.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  },
};
// The middle of a thing, once it is in sight; nothing may lie over it.
function place(node) {
  if (!node) return null;
  node.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
  for (const rect of node.getClientRects()) {
    const [x, y] = [rect.left + rect.width / 2, rect.top + rect.height / 2];
    const top = document.elementFromPoint(x, y);
    if (top && (node.contains(top) || top.contains(node) || (node.labels && [...node.labels].some((label) => label.contains(top))))) return [x, y];
  }
  return null;
}

/** Of the page that shows a violation. Colours follow the reader's light or dark setting. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --text: #1c2330; --soft: #5c6675; --page: #f7f8fa; --card: #ffffff; --line: #d9dee6;
  --done: #2f6fde; --done-soft: #dde9fd; --open: #8a6d1a; --open-soft: #faf0cf; --bad: #c2261d; --bad-soft: #fde2df;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e6e9ef; --soft: #9aa5b5; --page: #14171d; --card: #1d222b; --line: #343c49;
    --done: #79a8ff; --done-soft: #21345a; --open: #e0c15f; --open-soft: #3d3517; --bad: #ff8379; --bad-soft: #54201d;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1200px; margin: 0 auto; padding: 24px 20px 48px; }
h1 { font-size: 22px; line-height: 1.25; margin: 0 0 4px; }
h1 span { color: var(--bad); }
h2 { font-size: 16px; margin: 28px 0 8px; }
p { margin: 8px 0; max-width: 80ch; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.chart { position: relative; padding: 6px 0; min-width: 100%; width: calc(var(--names) + var(--columns) * var(--column)); }
.lane { position: relative; height: 46px; border-top: 1px solid var(--line); }
.lane:first-child { border-top: 0; }
.name { position: sticky; left: 0; z-index: 3; width: var(--names); height: 100%; padding: 0 8px 0 12px; background: var(--card);
  display: flex; align-items: center; font-size: 13px; color: var(--soft); }
.name span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.track { position: absolute; left: var(--names); right: 0; top: 0; bottom: 0; }
.operation, .state { position: absolute; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; text-align: left;
  font: 12px/1.2 ui-monospace, monospace; color: var(--text); padding: 0 6px; }
.operation { overflow: clip; top: 14px; height: 27px; border: 1.5px solid var(--done); background: var(--done-soft); border-radius: 5px; cursor: pointer; }
.operation span, .state span { position: sticky; left: calc(var(--names) + 6px); }
.operation.open { border-color: var(--open); border-style: dashed; border-right: 0; border-radius: 5px 0 0 5px;
  background: linear-gradient(90deg, var(--open-soft) 60%, transparent); }
.operation.bad { border-color: var(--bad); background: var(--bad-soft); border-width: 2px; }
.operation:focus-visible, .operation:hover { outline: 2px solid var(--text); outline-offset: 1px; z-index: 2; }
.point { position: absolute; z-index: 2; top: 1px; width: 18px; height: 18px; margin-left: -9px; border-radius: 9px; pointer-events: none;
  background: var(--done); color: var(--card); font: 600 11px/18px system-ui, sans-serif; text-align: center; }
.point.open { background: var(--open); }
.state { overflow: clip; top: 11px; height: 24px; line-height: 24px; border-left: 2px solid var(--done); background: var(--page); }
.details { min-height: 3em; margin: 10px 0 0; }
table { border-collapse: collapse; width: 100%; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
th, td { text-align: left; vertical-align: top; padding: 6px 10px; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: 13px; }
th { overflow-wrap: normal; }
td:first-child, th:first-child { width: 2.6em; text-align: right; }
td.what { font: 13px/1.5 ui-monospace, monospace; }
tr.bad td { color: var(--bad); }
tr.open td { color: var(--open); }
tr.lit td { background: var(--done-soft); }
tr.bad.lit td { background: var(--bad-soft); }
tr.open.lit td { background: var(--open-soft); }
@media (max-width: 640px) {
  main { padding: 16px 12px 32px; }
  h1 { font-size: 19px; }
  th, td { padding: 5px 6px; font-size: 13px; }
  td.what { font-size: 12px; }
}
`;

/** Shows the details of the operation under the pointer or the focus; arrow keys go to the next one. */
export const SCRIPT = `
const bars = [...document.querySelectorAll('.operation')];
const details = document.querySelector('.details');
const show = (bar) => {
  details.textContent = bar.title;
  for (const row of document.querySelectorAll('tr.lit')) row.classList.remove('lit');
  document.querySelector('tr[data-id="' + bar.dataset.id + '"]')?.classList.add('lit');
};
const scroll = document.querySelector('.scroll');
const bad = document.querySelector('.operation.bad');
if (bad) {
  const [view, bar] = [scroll.getBoundingClientRect(), bad.getBoundingClientRect()];
  scroll.scrollLeft += bar.left + bar.width / 2 - (view.left + view.width / 2);
}
for (const [index, bar] of bars.entries()) {
  bar.addEventListener('focus', () => show(bar));
  bar.addEventListener('pointerenter', () => show(bar));
  bar.addEventListener('keydown', (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by !== undefined) { event.preventDefault(); bars[index + by]?.focus(); }
  });
}
`;

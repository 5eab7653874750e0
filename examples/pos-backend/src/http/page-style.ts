/** The style of the page at `/`: one text, no files from anywhere else. */
export const pageStyle: string = `
:root {
  color-scheme: light dark;
  --ground: #f4f5f7; --card: #fff; --ink: #16191f; --quiet: #626a78; --line: #e3e6eb; --accent: #2451d6; --on-accent: #fff;
  --warn: #b3261e; --warn-ground: #fdecea; --code: #f4f5f7;
  --v0: #2451d6; --v1: #12927f; --v2: #b4621a; --v3: #8a3ab9; --v4: #c22f67; --v5: #4d7a17;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #101216; --card: #191c22; --ink: #eceef2; --quiet: #9aa3b2; --line: #2b3039; --accent: #8fabff; --on-accent: #0d1530;
    --warn: #ff9c93; --warn-ground: #3a1d1b; --code: #12151a;
    --v0: #7d9dff; --v1: #3cc7b0; --v2: #eea055; --v3: #c58bec; --v4: #f0769f; --v5: #98c75c;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 36px 24px 64px; display: grid; gap: 20px; }
header { display: flex; justify-content: space-between; align-items: end; gap: 16px; flex-wrap: wrap; margin-bottom: 4px; }
h1 { font-size: 26px; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 4px; }
h2 { font-size: 16px; margin: 0; letter-spacing: -0.01em; }
p { margin: 0; }
.quiet { color: var(--quiet); }
.small { font-size: 13px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 20px 22px; min-width: 0; }
.head { display: flex; justify-content: space-between; align-items: center; gap: 12px; flex-wrap: wrap; margin-bottom: 14px; }
.bar { display: block; width: 100%; height: 30px; border-radius: 8px; background: var(--line); }
.bar.thin { height: 8px; border-radius: 4px; }
.c0 { fill: var(--v0); background: var(--v0); } .c1 { fill: var(--v1); background: var(--v1); }
.c2 { fill: var(--v2); background: var(--v2); } .c3 { fill: var(--v3); background: var(--v3); }
.c4 { fill: var(--v4); background: var(--v4); } .c5 { fill: var(--v5); background: var(--v5); }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 8px; }
.gone { background: transparent; border: 1px solid var(--quiet); }
.legend { list-style: none; margin: 14px 0 0; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 10px; }
.legend li { border: 1px solid var(--line); border-radius: 10px; padding: 10px 12px; display: grid; gap: 2px; align-content: start; }
.legend .row { display: flex; justify-content: space-between; align-items: center; gap: 8px; }
.legend strong { font-variant-numeric: tabular-nums; }
.chip { font-size: 12px; line-height: 1; padding: 4px 8px; border-radius: 99px; border: 1px solid var(--line); color: var(--quiet); white-space: nowrap; }
.chip.active { color: var(--card); background: var(--ink); border-color: var(--ink); }
.chip.pending { border-style: dashed; }
.chip.destroyed { text-decoration: line-through; }
.actions { display: flex; gap: 8px; flex-wrap: wrap; }
form { margin: 0; }
button, input { font: inherit; border-radius: 9px; padding: 8px 14px; }
button { border: 1px solid var(--line); background: var(--card); color: var(--ink); cursor: pointer; }
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.plain { padding: 3px 10px; font-size: 13px; color: var(--warn); }
button:hover { border-color: var(--accent); }
button:disabled { opacity: 0.45; cursor: default; border-color: var(--line); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
input { border: 1px solid var(--line); background: var(--card); color: var(--ink); width: 250px; max-width: 100%; }
.search { display: flex; gap: 8px; flex-wrap: wrap; }
.progress { margin-top: 16px; display: grid; gap: 6px; }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; font-weight: 500; font-size: 13px; color: var(--quiet); padding: 0 12px 8px 0; }
td { padding: 9px 12px 9px 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
td.id, dd { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
td.id { color: var(--quiet); white-space: nowrap; }
td.refused { color: var(--warn); }
.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.pager { display: flex; justify-content: space-between; margin-top: 14px; }
a { color: var(--accent); }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 8px 16px; margin: 0; }
dt { color: var(--quiet); font-size: 13px; }
dd { margin: 0; overflow-wrap: anywhere; background: var(--code); border-radius: 6px; padding: 2px 8px; }
.note { background: var(--warn-ground); color: var(--warn); border-radius: 10px; padding: 10px 14px; }
@media (max-width: 640px) {
  main { padding: 22px 14px 40px; gap: 14px; }
  .card { padding: 16px; }
  h1 { font-size: 22px; }
  .actions, .actions form, .search, .search input { width: 100%; }
  .actions form { flex: 1 1 140px; width: auto; }
  .actions button, .search button { width: 100%; }
  thead { display: none; }
  tr { display: block; padding: 10px 0; border-top: 1px solid var(--line); }
  td { display: block; border: 0; padding: 1px 0; }
  td.id { font-size: 11.5px; white-space: normal; }
  dl { grid-template-columns: 1fr; gap: 4px; }
  dd { margin-bottom: 8px; }
}
`

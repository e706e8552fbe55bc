/** The style sheet of the report's page. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --panel: #ffffff; --text: #22262b; --minor: #5c646e; --line: #d9dce0; --chosen: #fff1c7; --link: #1f5fbf;
  --ident: #3b76c4; --inline: #1f9d8a; --callout: #c8442e; --linked: #7c5cc4; --dispatched: #c98a12; --interpreted: #9aa1a9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15181c; --panel: #1d2126; --text: #e4e7ea; --minor: #9da6b0; --line: #383e46; --chosen: #4a3d14; --link: #8ab8ff;
    --ident: #5c96e6; --inline: #35bfa9; --callout: #ee6b55; --linked: #a287ea; --dispatched: #e4ab3c; --interpreted: #767e88;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.45 system-ui, sans-serif; }
#page { max-width: 1200px; margin: 0 auto; padding: 16px; }
h1 { font-size: 1.6em; margin: 8px 0; overflow-wrap: anywhere; } h2 { font-size: 1.25em; margin: 0 0 8px; } h3 { font-size: 1em; margin: 16px 0 6px; } h4 { font-size: .9em; margin: 0 0 6px; }
.note { color: var(--minor); margin: 4px 0 12px; overflow-wrap: anywhere; }
.part { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 16px; margin: 16px 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 10px; }
.tile { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; }
.tile strong { display: block; font-size: 1.4em; } .tile span { color: var(--minor); font-size: .85em; }
figure { margin: 16px 0; } figcaption { font-weight: 600; font-size: .9em; margin-bottom: 6px; }
.chart { position: relative; height: 300px; }
.scroll { overflow: auto; max-width: 100%; }
table { border-collapse: collapse; font-size: .88em; font-variant-numeric: tabular-nums; margin-bottom: 12px; }
th, td { padding: 3px 10px; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } tbody th { font-weight: 400; } td:nth-child(2):last-child { white-space: normal; }
thead th { color: var(--minor); font-weight: 600; }
th button, td button { all: unset; cursor: pointer; } td button.open { color: var(--link); text-decoration: underline; font-family: ui-monospace, monospace; }
th[aria-sort=descending] button::after { content: " ↓"; } th[aria-sort=ascending] button::after { content: " ↑"; }
button:focus-visible, input:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
tr.chosen { background: var(--chosen); }
input[type=search] { width: 100%; max-width: 420px; padding: 6px 10px; font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: 6px; }
.region-list > div > .scroll { max-height: 420px; } .region-list thead th { position: sticky; top: 0; background: var(--panel); }
.panes { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 14px; }
.pane { min-width: 0; } .pane > .scroll { max-height: 560px; border: 1px solid var(--line); border-radius: 6px; padding: 8px; position: relative; }
.listing, .pane pre { font: 12px/1.5 ui-monospace, monospace; margin: 0; }
.line { white-space: pre; border-left: 4px solid transparent; padding-left: 4px; } .line span { display: inline-block; }
.line .share { width: 8ch; text-align: right; font-weight: 600; } .line .count { width: 14ch; text-align: right; color: var(--minor); } .line .letter { width: 3ch; text-align: center; font-weight: 700; } .line .address { width: 10ch; color: var(--minor); }
.line.ident .letter { color: var(--ident); } .line.inline, .line.inline .letter { border-left-color: var(--inline); color: var(--inline); }
.line.callout, .line.callout .letter { border-left-color: var(--callout); color: var(--callout); } .line.branch, .line.branch .letter { border-left-color: var(--linked); color: var(--linked); }
.blockhead { color: var(--minor); margin-top: 4px; } .chosen { background: var(--chosen); }
.graph text { font: 12px ui-monospace, monospace; fill: var(--text); } .graph .minor { fill: var(--minor); font-size: 11px; }
.graph .heat { fill: var(--callout); stroke: var(--minor); } .graph .block { cursor: pointer; }
.graph .edge { fill: none; stroke: var(--minor); stroke-width: 1.3; } .graph .back { stroke: var(--linked); stroke-width: 1.8; } .graph .out { stroke: var(--dispatched); } .graph marker path { fill: var(--minor); }
@media (max-width: 600px) { #page { padding: 8px; } .part { padding: 10px; } .chart { height: 260px; } th, td { padding: 3px 6px; } }
`;

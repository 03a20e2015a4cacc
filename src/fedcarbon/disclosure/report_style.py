"""The style of a report: one sheet for screens from 320 pixels on and for A4.

Text has a contrast of at least 4.5 to what it stands on, lines and bars one of 3 (WCAG 2.2 AA).
Whatever a colour says, lightness or hatching says too, so that a grey print loses nothing.
"""

from __future__ import annotations

from typing import Final

SHADE_COLOURS: Final = ("#e6eef5", "#bfd5e7", "#8db6d6", "#2f6f9f", "#153f63")
"""Of tiles, from the smallest values to the largest."""
SHADE_INKS: Final = ("#14212b", "#14212b", "#14212b", "#ffffff", "#ffffff")

_SHADES: Final = "\n".join(
    f".shade-{n} {{ fill: {colour}; }} .on-{n} {{ fill: {ink}; }}"
    for n, (colour, ink) in enumerate(zip(SHADE_COLOURS, SHADE_INKS, strict=True))
)

STYLE: Final = (
    """
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: #fff; color: #14212b; font: 16px/1.6 "Helvetica Neue", Arial,
       "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
main:lang(zh) { font-family: "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei",
                "Noto Sans CJK SC", "Source Han Sans SC", sans-serif; }
main, .bar-top { max-width: 64rem; margin: 0 auto; padding: 0 1rem; }
.bar-top { display: flex; justify-content: flex-end; gap: .4rem; padding-top: .6rem; }
.pick { position: absolute; opacity: 0; width: 1px; height: 1px; pointer-events: none; }
.bar-top label { border: 1px solid #5d6b76; border-radius: 3px; padding: .15rem .8rem;
                 cursor: pointer; font-size: .9rem; }
#pick-zh:checked ~ .bar-top [for=pick-zh], #pick-en:checked ~ .bar-top [for=pick-en],
#pick-both:checked ~ .bar-top [for=pick-both] { background: #153f63; color: #fff; }
#pick-zh:focus-visible ~ .bar-top [for=pick-zh], #pick-en:focus-visible ~ .bar-top [for=pick-en],
#pick-both:focus-visible ~ .bar-top [for=pick-both] { outline: 3px solid #b35900; }
#pick-zh:checked ~ #main-en, #pick-en:checked ~ #main-zh { display: none; }
.hatch-home { position: absolute; width: 0; height: 0; }
header { border-top: 6px solid #153f63; border-bottom: 1px solid #9aa7b1; margin: .8rem 0 1.2rem;
         padding: .9rem 0 1rem; }
.kicker { color: #153f63; font-weight: 600; letter-spacing: .04em; margin: 0; }
h1 { font-size: 1.8rem; line-height: 1.25; margin: .2rem 0 .4rem; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 2.2rem 0 .6rem; padding-bottom: .25rem;
     border-bottom: 2px solid #153f63; }
h3 { font-size: 1rem; margin: 0 0 .5rem; }
p, ul { margin: .5rem 0; max-width: 50rem; }
.muted, figcaption, caption { color: #4a5863; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: .8rem;
           margin: 1rem 0; padding: 0; }
.figures > div { border-left: 4px solid #2f6f9f; background: #f3f6f9; padding: .6rem .9rem; }
.figures dt { font-size: .9rem; color: #4a5863; }
.figures dd { margin: 0; font-size: 1.45rem; font-weight: 600; line-height: 1.3; }
.figures .off { display: block; font-size: .9rem; font-weight: 400; color: #4a5863; }
figure { margin: 1.4rem 0 1.8rem; display: grid; gap: .6rem 2rem; align-items: start;
         grid-template-columns: minmax(0, 26rem) minmax(0, 1fr); }
figure > h3, figure > figcaption { grid-column: 1 / -1; }
figure > h3 { margin: 0; } figcaption { font-size: .85rem; }
.chart { display: block; width: 100%; height: auto; max-width: 26rem; overflow: visible; }
.chart text { font-size: 12px; fill: #14212b; font-variant-numeric: tabular-nums; }
.chart .tick { font-size: 11px; fill: #4a5863; }
.chart .number, .chart .tile-number { font-weight: 600; }
.chart .label, .chart .number { paint-order: stroke; stroke: #fff; stroke-width: 3px; }
.grid { stroke: #d3dae0; stroke-width: 1; } .axis { stroke: #14212b; stroke-width: 1; }
.bar { fill: #5b93c0; } .error { stroke: #14212b; stroke-width: 1.5; fill: none; }
.band { fill: #bfd5e7; } .line { fill: none; stroke: #153f63; stroke-width: 2; }
.point { fill: #153f63; } .hatched { fill: url(#hatch); stroke: #5d6b76; } .plate { fill: #fff; }
"""
    + _SHADES
    + """
.chart .on-3, .chart .on-4 { fill: #fff; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; padding: 0; list-style: none;
          font-size: .85rem; }
.legend svg { width: 1rem; height: 1rem; vertical-align: -.15rem; margin-right: .3rem; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 3px solid #b35900; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; line-height: 1.4;
        font-variant-numeric: tabular-nums; border-top: 2px solid #14212b;
        border-bottom: 2px solid #14212b; }
caption { text-align: left; font-size: .85rem; padding-bottom: .3rem; }
th, td { text-align: right; vertical-align: top; padding: .28rem .5rem; }
thead th::first-letter { text-transform: uppercase; }
.scroll th, .scroll td { white-space: nowrap; } .scroll td.words code { white-space: normal; }
thead th { border-bottom: 1px solid #14212b; vertical-align: bottom; }
tbody tr + tr > * { border-top: 1px solid #e1e6ea; }
th:first-child, td.words, th.words { text-align: left; padding-left: 0; }
th[scope=row] { font-weight: 400; }
.scroll + .scroll { margin-top: 1.2rem; } .narrow { max-width: 30rem; }
tr.total > *, tr.subtotal > *, tr.group > * { font-weight: 600; }
tr td .off { font-weight: 400; } tbody tr.subtotal > * { border-top: 1px solid #7d8a94; }
 tr.part > th:first-child { padding-left: 1.1em; }
td .off { color: #4a5863; white-space: nowrap; }
td.hidden { color: #4a5863; font-style: italic; text-align: center; }
.box { max-width: 53rem; border: 1px solid #9aa7b1; border-left: 6px solid #153f63;
       padding: .5rem 1rem; }
code { font: .85em/1.4 ui-monospace, "SFMono-Regular", Consolas, "Liberation Mono", monospace;
       overflow-wrap: anywhere; }
footer { margin: 2.5rem 0 2rem; border-top: 1px solid #9aa7b1; padding-top: .6rem;
         font-size: .85rem; color: #4a5863; }
@media (max-width: 46rem) {
  figure { grid-template-columns: minmax(0, 1fr); }
  .chart { max-width: 30rem; }
  h1 { font-size: 1.45rem; }
  .figures { grid-template-columns: 1fr 1fr; } .figures dd { font-size: 1.15rem; }
  table { font-size: .85rem; } th, td { padding: .28rem .3rem; }
}
@page { size: A4; margin: 17mm 15mm; }
@media print {
  body { font-size: 10pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; padding: 0; } .bar-top { display: none; }
  header { margin-top: 0; } h2, h3, caption { break-after: avoid; }
  figure, tr, .box, .figures > div { break-inside: avoid; }
  section.page { break-before: page; } #main-zh + main { break-before: page; }
  figure { grid-template-columns: 86mm minmax(0, 1fr); gap: 2mm 6mm; margin: 4mm 0 6mm; }
  .scroll { overflow: visible; } .scroll th { white-space: normal; }
  caption, figcaption, .legend { font-size: 8.5pt; }
  table { font-size: 8.5pt; } th, td { padding: .6mm 1.5mm; }
  .figures { grid-template-columns: repeat(4, 1fr); } .figures dd { font-size: 12pt; }
  thead { display: table-header-group; }
}
"""
)
"""Written into the page; the page's policy allows this sheet by its hash and no other."""

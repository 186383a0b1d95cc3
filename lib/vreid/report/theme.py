"""Colours of the page and its figures, light and dark, and the page's style sheet.

The series are those of Okabe and Ito, which people of every colour vision tell apart, made darker
on white and lighter on black. Right and wrong are marked by signs as well as by colour.
"""

LIGHT = {
    "paper": "#ffffff",
    "ink": "#1c2127",
    "quiet": "#59636e",
    "rule": "#d5dae0",
    "tint": "#f3f5f7",
    "best": "#e2eefb",
    "right": "#00734f",
    "wrong": "#b3261e",
    "query": "#1f5fbf",
    "s0": "#0067a8",
    "s1": "#c45100",
    "s2": "#008562",
    "s3": "#a3477f",
    "s4": "#7d6200",
    "s5": "#545b63",
}
DARK = {
    "paper": "#14171b",
    "ink": "#e6e9ed",
    "quiet": "#a2abb5",
    "rule": "#3a424b",
    "tint": "#1d2227",
    "best": "#1b3550",
    "right": "#4fd0a0",
    "wrong": "#ff9086",
    "query": "#8ab8ff",
    "s0": "#5ab4ea",
    "s1": "#f0904e",
    "s2": "#3fc79e",
    "s3": "#e096c3",
    "s4": "#ddbf3c",
    "s5": "#b4bcc5",
}
SERIES = ("s0", "s1", "s2", "s3", "s4", "s5")

# Frames of thumbnails are pixels: the same in light and dark.
QUERY_FRAME = (31, 95, 191)
RIGHT_FRAME = (0, 150, 90)
WRONG_FRAME = (214, 39, 40)


def variables() -> str:
    """The colours as CSS variables that follow the reader's choice of light or dark."""
    light, dark = (
        ";".join(f"--{name}:{value}" for name, value in palette.items())
        for palette in (LIGHT, DARK)
    )
    return f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"


STYLE = """
*{box-sizing:border-box}
html{color-scheme:light dark;background:var(--paper);color:var(--ink);-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:74rem;padding:1.5rem clamp(.9rem,3vw,2rem) 4rem;
  font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
h1{font-size:clamp(1.5rem,4.5vw,2.1rem);line-height:1.2;margin:.5rem 0 .2rem;text-wrap:balance}
h2{font-size:1.3rem;margin:2.8rem 0 .8rem;padding-top:.9rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:1.6rem 0 .5rem}
p{margin:.4rem 0;max-width:46rem}
a{color:var(--query)}
nav{margin:1rem 0 0;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.quiet,.protocol,figcaption{color:var(--quiet);font-size:.875rem}
.subtitle{color:var(--quiet);font-size:1.05rem}
.wide{overflow-x:auto}
.wide:focus-visible{outline:2px solid var(--query);outline-offset:2px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.numbers{min-width:min(100%,46rem)}
th,td{padding:.38rem .55rem;text-align:right;vertical-align:top;border-bottom:1px solid var(--rule)}
thead th{font-size:.875rem;border-bottom:2px solid var(--quiet);white-space:nowrap}
tbody th,thead th:first-child{text-align:left;font-weight:normal}
th[scope=rowgroup]{font-size:.8rem;font-weight:600;color:var(--quiet);background:var(--tint);
  padding-block:.2rem}
th small{display:block;color:var(--quiet);font-size:.8rem;line-height:1.3}
td.best{font-weight:700;background:var(--best)}
.facts th{color:var(--quiet);white-space:nowrap}
.facts td{text-align:left;overflow-wrap:anywhere}
summary{cursor:pointer;padding:.3rem 0}
figure{margin:0}
figure img{display:block;max-width:100%;height:auto}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr));gap:1.2rem}
.panels img,.chart img{width:100%}
.chart{max-width:34rem;margin-bottom:1.2rem}
.strip{display:grid;grid-template-columns:repeat(auto-fill,minmax(5.4rem,1fr));gap:.7rem .5rem;
  list-style:none;margin:.5rem 0 0;padding:0}
.strip img{display:block;width:100%;height:auto;border-radius:3px}
.strip li{font-size:.75rem;line-height:1.35;color:var(--quiet);overflow-wrap:anywhere}
.strip b{display:block;color:var(--query)}
.strip .right b{color:var(--right)}
.strip .wrong b{color:var(--wrong)}
.tag{display:inline-block;font-size:.75rem;font-weight:600;padding:0 .5em;margin-right:.5em;
  border:1px solid var(--rule);border-radius:1em;background:var(--tint);color:var(--quiet)}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
@media (max-width:34rem){th,td{padding:.35rem .22rem}.numbers{font-size:.82rem}
  .numbers thead th,.numbers small{font-size:.75rem}
  .facts th{white-space:normal}}
@media print{nav{display:none}.query{break-inside:avoid}}
"""

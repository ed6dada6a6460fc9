"""The style of the page of a measurement; figures take their colours from the same variables."""

from __future__ import annotations

from eventsnn.report.style import DARK, LIGHT, Theme


def _variables(theme: Theme, ground: str) -> str:
    series = "".join(f"--series-{k}:{colour};" for k, colour in enumerate(theme.series))
    return (
        f"--ink:{theme.ink};--muted:{theme.muted};--grid:{theme.grid};"
        f"--surface:{theme.surface};--ground:{ground};{series}"
    )


STYLE = f"""
:root{{{_variables(LIGHT, "#f5f6f8")}}}
@media (prefers-color-scheme:dark){{:root{{{_variables(DARK, "#0b0d0f")}}}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--ground);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}}
main{{max-width:1120px;margin:0 auto;padding:clamp(1rem,3vw,2.5rem)}}
h1{{font-size:clamp(1.4rem,3vw,2rem);font-weight:650;letter-spacing:-.02em;margin:0;
overflow-wrap:anywhere}}
h2{{font-size:1rem;font-weight:650;margin:0 0 .6rem}}
header p{{color:var(--muted);margin:.3rem 0 1.6rem;overflow-wrap:anywhere}}
code,pre{{font:.85em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}}
.tiles{{display:grid;gap:1px;grid-template-columns:repeat(auto-fit,minmax(180px,1fr));
background:var(--grid);border:1px solid var(--grid);border-radius:10px;overflow:hidden}}
.tile{{background:var(--surface);padding:1rem 1.1rem;display:flex;flex-direction:column}}
.tile span{{color:var(--muted);font-size:.85rem}}
.tile strong{{font-size:1.9rem;font-weight:650;letter-spacing:-.03em;line-height:1.3;
font-variant-numeric:tabular-nums}}
.tile small{{color:var(--muted);line-height:1.35}}
.figures{{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));
margin:1rem 0 2rem}}
figure{{margin:0;background:var(--surface);border:1px solid var(--grid);border-radius:10px;
padding:1rem 1.1rem}}
figure svg{{display:block;width:100%;height:auto;stroke-linejoin:round;stroke-linecap:butt;
font-family:inherit}}
figcaption{{color:var(--muted);font-size:.85rem;line-height:1.4;margin-top:.5rem}}
section>h2{{margin-top:2rem}}
.wide{{overflow-x:auto;margin-bottom:1rem}}
table{{border-collapse:collapse;width:100%;font-size:.88rem;font-variant-numeric:tabular-nums}}
th,td{{padding:.4rem .7rem .4rem 0;border-bottom:1px solid var(--grid);text-align:right;
vertical-align:top}}
th{{color:var(--muted);font-weight:500}}
th.text{{text-align:left}}
th:first-child,td:first-child{{text-align:left;white-space:nowrap}}
td small{{display:block;text-align:left;color:var(--muted);min-width:16rem;line-height:1.35}}
section>p{{color:var(--muted);font-size:.9rem;margin:.3rem 0}}
details pre{{overflow-x:auto;background:var(--surface);border:1px solid var(--grid);
border-radius:10px;padding:1rem}}
summary{{cursor:pointer;color:var(--muted)}}
""".strip()

"""How a report's page looks: light and dark as the reader's system is, wide and narrow."""

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --paper: #fdfdfc; --faint: #667; --rule: #d9dade;
  --band: #f1f1ef; --mark: #ffd9a8; --mark-ink: #5a2a00; --link: #2a55a5; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dfe1e4; --paper: #17191c; --faint: #9aa0a8; --rule: #3a3e45; --band: #22252a;
    --mark: #6b3f10; --mark-ink: #ffe3c2; --link: #9dbcf5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem clamp(1rem, 4vw, 3rem) 4rem;
  color: var(--ink); background: var(--paper);
  font: 16px/1.55 system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", "PingFang SC",
    "Microsoft YaHei", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .4rem; padding-top: .8rem; border-top: 1px solid
  var(--rule); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
h4 { font-size: .95rem; font-weight: 500; color: var(--faint); margin: .9rem 0 .3rem; }
p { max-width: 44rem; margin: .4rem 0 .9rem; }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin-top: .8rem; }
small, .absent, figcaption { color: var(--faint); }
.absent { font-style: italic; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6rem 0 1rem; }
th, td { padding: .28rem .8rem; text-align: right; white-space: nowrap; border-bottom: 1px solid
  var(--rule); }
thead th { white-space: normal; vertical-align: bottom; max-width: 9rem;
  overflow-wrap: break-word; }
tbody th { text-align: left; font-weight: 500; padding-left: 0; }
th[scope="row"] { position: sticky; left: 0; background: var(--paper); }
th.group { font-size: .85rem; font-weight: 600; color: var(--faint); padding-top: 1rem; }
th small { font-weight: 400; margin-left: .3rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr));
  gap: 1rem; align-items: start; margin: .8rem 0; }
figure { margin: 0; padding: .8rem; background: #fff; color-scheme: light; border: 1px solid
  var(--rule); border-radius: .5rem; overflow-x: auto; }
figure svg { display: block; width: 100%; height: auto; min-width: 20rem; }
figcaption { color: #556; font-size: .85rem; margin-top: .4rem; }
.poems { list-style: none; margin: .8rem 0; padding: 0; display: grid; gap: .8rem;
  grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); }
.poems li { background: var(--band); border-radius: .5rem; padding: .7rem 1rem; }
.poems span { display: block; white-space: nowrap; font: 1.15rem/1.65 "Noto Serif CJK SC",
  "Source Han Serif SC", "Songti SC", STSong, SimSun, serif; }
.read { margin-top: .4rem; padding-top: .4rem; border-top: 1px dashed var(--rule); }
mark { background: var(--mark); color: var(--mark-ink); border-radius: .15rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: .6rem 0; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  body { padding-top: 1rem; }
  th, td { padding: .28rem .5rem; }
  tbody th { white-space: normal; min-width: 8.5rem; max-width: 9.5rem; }
  th.grouh4 { font-size: .95rem; font-weight: 500; color: var(--faint); margin: .9rem 0 .3rem; }
p { max-width: none; }
  th small { display: block; margin: 0; }
  .poems { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
  .poems li { padding: .6rem .7rem; }
  dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; }
}
"""

/** The page's one style sheet. Light and dark follow the reader's system; print is light. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1b2127;--soft:#55606b;--line:#d5dbe1;--paper:#fff;--panel:#f4f6f8;--accent:#0a58a6;
--good:#136b38;--warn:#855300;--bad:#a3242a;--grid:#e3e7eb;
--c0:#0072b2;--c1:#d55e00;--c2:#00875f;--c3:#b0508b;--c4:#8a6a00;--c5:#6b3e26;--c6:#5a4aa6;--c7:#a3123f;--c8:#4f7d00;--c9:#00707f}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e4e8ec;--soft:#a3adb8;--line:#39424c;--paper:#14181c;--panel:#1d2329;
--accent:#7ab8f5;--good:#5fcf8d;--warn:#e8b14c;--bad:#ff8f8f;--grid:#2a323a;
--c0:#4fa9e6;--c1:#ff8a4a;--c2:#33c79b;--c3:#e69ac6;--c4:#dfb937;--c5:#c08a63;--c6:#aa9cf2;--c7:#ff6f91;--c8:#a9d05a;--c9:#3fc4d4}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:break-word}
main,header,nav,footer{max-width:76rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:1rem}
h1{font-size:1.55rem;line-height:1.2;margin:0 0 .25rem;letter-spacing:-.01em}
h2{font-size:1.4rem;line-height:1.3;margin:3rem 0 .5rem;padding-top:.75rem;border-top:2px solid var(--ink)}
h3{font-size:1.12rem;line-height:1.35;margin:2.25rem 0 .35rem}
h4{font-size:1rem;margin:1.5rem 0 .35rem}
p{margin:.5rem 0;max-width:46rem}
a{color:var(--accent)}
code,pre{font:.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{background:var(--panel);padding:.75rem 1rem;border-radius:6px;overflow-x:auto;max-width:100%;margin:.5rem 0}
pre.wrap{white-space:pre-wrap;overflow-wrap:anywhere}
.soft,figcaption,caption,.note{color:var(--soft)}
.note,figcaption{font-size:.88rem;line-height:1.45;max-width:46rem}
.small{font-size:.88rem}
.warning{border-left:4px solid var(--warn);background:var(--panel);padding:.5rem .8rem}
nav{position:sticky;top:0;z-index:2;background:var(--paper);border-bottom:1px solid var(--line);margin-top:.6rem;max-width:none}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:0 1.25rem;margin:0 auto;padding:.4rem 0;max-width:73.5rem;font-size:.92rem}
nav a{text-decoration:none;padding:.15rem 0;display:inline-block}
nav a:hover{text-decoration:underline}
section{scroll-margin-top:5rem}
.first{display:grid;grid-template-columns:minmax(0,2.5fr) minmax(0,1fr);gap:.5rem 1.5rem;align-items:start}
.first>div{min-width:0}
.verdict{font-size:.95rem;line-height:1.4;max-width:none;border-left:5px solid var(--good);padding:.1rem 0 .1rem .9rem;margin:.4rem 0 .6rem}
.verdict p{margin:.12rem 0;max-width:none}.verdict p:first-child{font-weight:600}
.verdict.silent{border-color:var(--bad)}
.first .meta{font-size:.85rem;margin:.3rem 0}
table.compact{font-size:.8rem}
table.compact caption{padding-bottom:.2rem}
table.compact th,table.compact td{padding:.2rem .36rem}
#verdict h2{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);margin:0;border:0}
#verdict{padding-top:.75rem}
.findings{display:grid;gap:1rem;margin-top:1rem}
.findings>div{background:var(--panel);border-radius:8px;padding:.85rem 1.1rem;border-top:4px solid var(--soft)}
.findings .can{border-color:var(--good)}.findings .caution{border-color:var(--warn)}.findings .cannot{border-color:var(--bad)}
.findings h3{margin:0 0 .35rem;font-size:1rem}
.findings ul{margin:0;padding-left:1.1rem;font-size:.93rem;line-height:1.45;columns:2 24rem;column-gap:2rem}
.findings li{padding:.2rem 0;break-inside:avoid}
.scroll{overflow-x:auto;margin:.75rem 0;max-width:100%;background:linear-gradient(to right,var(--paper) 40%,transparent) 0 0/2rem 100%,linear-gradient(to left,var(--paper) 40%,transparent) 100% 0/2rem 100%,linear-gradient(to right,var(--line),transparent) 0 0/.7rem 100%,linear-gradient(to left,var(--line),transparent) 100% 0/.7rem 100%;background-repeat:no-repeat;background-attachment:local,local,scroll,scroll}
.scroll:focus-visible,a:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;line-height:1.4}
caption{text-align:left;font-size:.88rem;padding-bottom:.4rem}
caption span{display:block;position:sticky;left:0;max-width:min(46rem,calc(100vw - 2.5rem))}
th,td{padding:.38rem .6rem;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{padding-left:.25rem}
thead th{border-bottom:1.5px solid var(--ink);border-top:1.5px solid var(--ink);font-weight:600;vertical-align:bottom;line-height:1.25}
thead th small{display:block;font-weight:400;color:var(--soft)}
tbody th{font-weight:500}
tbody:last-child tr:last-child>*{border-bottom:1.5px solid var(--ink)}
tr.group th{color:var(--soft);font-weight:400;font-size:.85rem;padding-top:.8rem}
.num{text-align:right;white-space:nowrap}
td.num small,th small.of{color:var(--soft);font-size:.92em}
.tau{display:inline-block;min-width:3.4em;padding:.05rem .3rem;border-radius:3px;background:color-mix(in srgb,var(--t) var(--share),transparent)}
.tau.with{--t:var(--c0)}.tau.against{--t:var(--c1)}
.wide{min-width:14rem;max-width:34rem;overflow-wrap:anywhere}
td.name,tbody th.name{white-space:nowrap}
.roomy{min-width:7.5rem}
.chip{display:inline-block;width:.72em;height:.72em;border-radius:50%;background:var(--c);margin-right:.5em}
.chip.control{background:none;border:1.5px dashed var(--soft);border-radius:2px}
.yes{color:var(--good)}.no{color:var(--bad)}.open{color:var(--soft)}
.meta{line-height:1.35;display:flex;flex-wrap:wrap;gap:.1rem 1.25rem;margin:.1rem 0 .5rem;font-size:.9rem;color:var(--soft);padding:0;list-style:none}
.meta li{overflow-wrap:anywhere}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:1.25rem 2rem;margin:.75rem 0;max-width:64rem;align-items:start}
figure{margin:0;min-width:0}
figure>svg{width:100%;height:auto;display:block}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;fill:var(--ink)}
svg .two{font-size:10.5px}svg .axis text{fill:var(--soft);font-size:11px}svg .axis .title{fill:var(--ink);font-size:12px}
svg .grid{stroke:var(--grid);stroke-width:1}
svg .reference line{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:5 3}
svg .reference text{fill:var(--soft);font-size:11px;paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
svg .row circle{fill:var(--c)}svg .interval{stroke:var(--c);stroke-width:2.5}
svg .shuffled{fill:var(--paper);stroke:var(--c);stroke-width:1.5}
svg .line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round}
svg .band{fill:var(--c);opacity:.16}
svg .control .line{stroke:var(--soft);stroke-width:1.4;stroke-dasharray:6 3}
svg .control.k1 .line{stroke-dasharray:2 3}svg .control.k2 .line{stroke-dasharray:9 3 2 3}svg .control.k3 .line{stroke-dasharray:1 5}
svg .d1 .line,svg .d1 .interval{stroke-dasharray:7 2}svg .d2 .line,svg .d2 .interval{stroke-dasharray:3 2}
svg .axle{fill:none;stroke:var(--ink);stroke-width:1}svg .undivided line{stroke:var(--ink);stroke-width:3}svg .undivided circle{fill:var(--ink)}
svg .diagonal{stroke:var(--soft);stroke-dasharray:4 3}
svg .front{fill:none;stroke:var(--soft);stroke-width:1.2;stroke-dasharray:4 3}
svg .ring{fill:none!important;stroke:var(--ink);stroke-width:1.2}
svg .spread{stroke:var(--c);stroke-width:1.2;opacity:.4}
svg .value{font-size:11px;fill:var(--soft)}
svg .point{fill:var(--c)}
svg .bar{fill:var(--c);opacity:.45}
.c0{--c:var(--c0)}.c1{--c:var(--c1)}.c2{--c:var(--c2)}.c3{--c:var(--c3)}.c4{--c:var(--c4)}.c5{--c:var(--c5)}.c6{--c:var(--c6)}.c7{--c:var(--c7)}.c8{--c:var(--c8)}.c9{--c:var(--c9)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.15rem 1rem;margin:.25rem 0;padding:0;font-size:.86rem}
.legend svg{width:28px;height:10px;vertical-align:middle;margin-right:.4em}
.confusion td{text-align:center;min-width:4.5rem}
.confusion td.hit{font-weight:600;background:var(--panel)}
[hidden],.print-only{display:none!important}
.tools,.looks{background:var(--panel);font-size:.9rem}
.tools{border-radius:8px;padding:.6rem .9rem;margin:.5rem 0}
.tools>div,.looks{display:flex;flex-wrap:wrap;gap:.4rem 1.1rem;align-items:center}
.tools .range{display:inline-flex;flex-wrap:wrap;gap:.4rem .5rem}
.tools fieldset{border:0;padding:0;margin:.5rem 0 0;display:flex;flex-wrap:wrap;gap:.2rem .9rem}
.tools legend{float:left;padding:0;margin-right:.9rem}
.tools input,.tools select,.tools button,.looks input,.looks select{font:inherit;max-width:14rem;vertical-align:middle;accent-color:var(--accent)}
.tools input[type=number]{width:5.5rem}.looks input[type=range]{width:7.5rem}
.tools output,.looks output{color:var(--soft);font-variant-numeric:tabular-nums}.tools .note{margin:.4rem 0 0;max-width:none}
kbd{font:inherit;border:1px solid var(--line);border-radius:3px;padding:0 .3em;background:var(--paper)}
.looks{position:sticky;top:0;z-index:1;margin:0 -.9rem;padding:.4rem .9rem;border-bottom:1px solid var(--line)}
.looks .bar{width:7rem;height:.8rem;border-radius:2px}
.cases{height:88vh;scroll-margin-top:3rem;overflow-y:auto;border:1px solid var(--line);border-radius:8px;padding:0 .9rem}
.cases .list{position:relative}
article.case{border-top:1px solid var(--line);padding:.5rem 0 1rem;scroll-margin-top:3rem;min-height:22rem}
.list>article:first-child{border-top:0}
article.case:focus-visible{outline:2px solid var(--accent);outline-offset:4px}
.about{font-size:.9rem;max-width:none;margin:.2rem 0 .1rem}
.said{font-size:.9rem;margin:0 0 .3rem;min-height:1.55em;color:var(--soft);font-variant-numeric:tabular-nums}
.maps{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,256px),1fr));gap:.6rem}
.pic{position:relative;line-height:0}.pic canvas{width:100%;height:auto;border-radius:3px;cursor:crosshair;touch-action:pan-y}
.pic svg,.stills svg{position:absolute;inset:0;width:100%;height:100%;pointer-events:none}
.stills svg{position:static;height:auto;background:#000}.alive .stills{display:none}
.cross{fill:none;stroke:#fff;stroke-width:1;vector-effect:non-scaling-stroke;mix-blend-mode:difference}
.film p{margin:.3rem 0}.film label{margin-right:.6rem}.film select,.film input,.film button{font:inherit;vertical-align:middle;max-width:16rem}
.screen{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,256px),20rem));gap:1rem}
.screen svg{position:static;display:block;width:100%;height:auto}.screen .frame{fill:none;stroke:var(--soft)}.screen .curve{fill:none;stroke:var(--accent);stroke-width:2}.screen .now{fill:var(--accent)}
.maps figcaption{padding-top:.2rem}.maps small{font-variant-numeric:tabular-nums}.maps .scores{display:block}
.maps .none{aspect-ratio:1;display:flex;align-items:center;justify-content:center;text-align:center;padding:.5rem;font-size:.82rem;line-height:1.3;color:var(--soft);border:1px dashed var(--line);border-radius:3px;overflow:hidden}
.outline{fill:none;stroke:#f5e142;stroke-width:1.6;vector-effect:non-scaling-stroke}
.badge{display:inline-block;padding:0 .45em;border-radius:4px;font-weight:600}
.badge.hit{color:var(--good);border:1px solid var(--good)}.badge.miss{color:var(--bad);border:1px solid var(--bad)}
details{margin:.6rem 0}
details.metric{border-bottom:1px solid var(--line);padding-bottom:.4rem}
details.metric>summary h3{display:inline;margin-right:.75rem;color:var(--ink)}
summary{cursor:pointer;color:var(--accent);font-size:.92rem}
ol.cites{padding-left:1.4rem;font-size:.9rem;max-width:52rem}
ol.cites li{margin:.25rem 0}
footer{margin-top:3rem;padding-top:1rem;padding-bottom:2.5rem;color:var(--soft);font-size:.85rem;border-top:1px solid var(--line)}
@media (max-width:64rem){.first{grid-template-columns:minmax(0,1fr)}}
@media (max-width:40rem){.looks,nav{position:static}section{scroll-margin-top:.5rem}.verdict p{margin:.4rem 0}body{font-size:15px}h1{font-size:1.5rem}main,header,nav,footer{padding-left:.9rem;padding-right:.9rem}th,td{padding:.35rem .55rem}.first th,.first td{padding:.35rem .4rem}.first .num{white-space:normal}}
@media print{@page{size:A4;margin:11mm 12mm}html{font-size:10px}body{font-size:1rem;line-height:1.4}nav,.tools,.cases,footer{display:none!important}
header,main{max-width:none;padding:0}p,.note,figcaption,caption span{max-width:none}h2{margin:1.4rem 0 .3rem;padding-top:.3rem}h3{margin:.9rem 0 .2rem}h2,h3,h4,section>h2+p,h3+.meta,.meta+.warning,caption{break-after:avoid}
figure,tr,.findings li{break-inside:avoid}.scroll{overflow:visible;margin:.4rem 0;background:none}a{color:inherit;text-decoration:none}
table{font-size:.86rem}th,td{padding:.16rem .4rem}.num,td.name,tbody th.name{white-space:normal}
.stills{display:block!important}.stills .maps{grid-template-columns:repeat(auto-fill,3.5cm)}.stills article{break-inside:avoid}
details:not([open]):not(.metric){display:none}details:not([open])>summary{list-style:none;color:var(--soft)}pre{white-space:pre-wrap}.first{grid-template-columns:minmax(0,2fr) minmax(0,1fr)}
main figure svg{max-height:5cm;max-width:9cm}.maps figure svg{max-width:100%}.findings{display:block;columns:2}.findings ul{columns:auto}.findings>div{background:none;padding:0 0 0 .6rem;border-top:0;border-left:3px solid;margin-bottom:.8rem;break-inside:auto}.print-only{display:block!important}}
`;

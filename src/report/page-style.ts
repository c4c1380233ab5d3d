/** Style sheet and script of the page. The script only adds copy buttons; without it the page says the same. */

const LIGHT = `--surface:#fff;--raised:#f5f6f8;--ink:#16191d;--ink-soft:#4a525c;--rule:#e1e4e8;--rule-strong:#b9c0c8;
--link:#0a58a6;--warn-rule:#b45309;--warn-back:#fff6e5;--fail:#b3151f;--fail-back:#fdecec;--lead-rule:#0065b0;
--s0:#0065b0;--s1:#c8500a;--s2:#00805c;--s3:#8a3fa0;--s4:#8f6b00;--s5:#1f88bd;--s6:#8c1d40;--s7:#5b6470`;
const DARK = `--surface:#14171b;--raised:#1d2127;--ink:#eceff2;--ink-soft:#b3bbc4;--rule:#2d333b;--rule-strong:#57606b;
--link:#7cb8ff;--warn-rule:#e0a030;--warn-back:#2b2314;--fail:#ff8a8a;--fail-back:#331a1c;--lead-rule:#5ab0ff;
--s0:#5ab0ff;--s1:#ff9557;--s2:#3ccb9b;--s3:#d18be8;--s4:#e3c04a;--s5:#9bdcff;--s6:#ff8fab;--s7:#b4bcc8`;

export const PAGE_STYLE = `
:root{color-scheme:light dark;${LIGHT}}
@media screen and (prefers-color-scheme:dark){:root{${DARK}}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--surface);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.page{max-width:78rem;margin:0 auto;padding:1.5rem 1.25rem 4rem}
.skip{position:absolute;left:-999px;top:0;background:var(--ink);color:var(--surface);padding:.5rem 1rem;z-index:1}
.skip:focus{left:0}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .25rem}
h2{font-size:1.3rem;line-height:1.3;margin:3rem 0 .75rem;padding-top:.75rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:0 0 .25rem}
p{margin:.5rem 0 1rem;max-width:46rem}
.sub{color:var(--ink-soft);margin:0 0 1rem}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;margin:0;padding:0;font-size:.9rem}
.verdicts{list-style:none;margin:0;padding:0;max-width:50rem}
.verdicts li{border-left:4px solid var(--lead-rule);padding:.1rem 0 .1rem 1rem;margin:0 0 1.1rem}
.verdicts li.warn{border-color:var(--warn-rule);background:var(--warn-back);padding:.6rem 1rem}
.verdicts li.fail{border-color:var(--fail);background:var(--fail-back);padding:.6rem 1rem}
.fail .tag,.alarm{color:var(--fail)}
.lead{font-size:1.15rem;max-width:50rem}
.verdicts p{margin:.15rem 0 0;max-width:none}
.tag{font-size:.75rem;font-weight:600;border:1px solid currentColor;border-radius:3px;padding:0 .35rem;margin-right:.5rem}
figure{margin:1.75rem 0 2rem}
figcaption p{margin:.1rem 0 .5rem;color:var(--ink-soft);max-width:50rem}
.drawing svg{display:block;width:100%;height:auto;max-width:760px;font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.narrow{display:none}
.legend{display:flex;flex-wrap:wrap;gap:.15rem 1rem;list-style:none;margin:.25rem 0 .25rem;padding:0;font-size:.85rem}
.legend li{display:flex;align-items:center;gap:.4rem}
.legend svg{flex:none}
.scroll{overflow-x:auto;margin:.5rem 0 1.25rem;max-width:100%;
background:linear-gradient(to left,var(--surface) 40%,transparent) right/2.5rem 100% no-repeat local,linear-gradient(to left,var(--rule-strong),transparent) right/.6rem 100% no-repeat scroll}
table{border-collapse:separate;border-spacing:0;font-size:.85rem;font-variant-numeric:tabular-nums;width:max-content}
caption{text-align:left;font-weight:600;padding:.25rem 0 .4rem;font-size:.9rem}
caption span{display:block;position:sticky;left:0;max-width:min(50rem,calc(100vw - 2.5rem))}
th,td{padding:.3rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
thead th{background:var(--raised);vertical-align:bottom;border-bottom:1px solid var(--rule-strong);font-weight:600;max-width:8.5rem}
thead th.n{white-space:normal}
thead th.g{text-align:center;max-width:none;border-left:2px solid var(--surface);border-right:2px solid var(--surface)}
tbody th{font-weight:500;white-space:nowrap}
td,th.n{text-align:right;white-space:nowrap}
td.t,td.m{text-align:left}
tbody tr:hover{background:var(--raised)}
details{margin:.5rem 0 1rem}
details details{margin-left:1rem}
summary{cursor:pointer;color:var(--link);font-size:.92rem}
code{font:.82rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--raised);padding:.1rem .3rem;border-radius:3px}
td.t{max-width:26rem;white-space:normal}
tbody th:not(:first-child){max-width:18rem;white-space:normal}
tbody th:first-child,thead tr:first-child th:first-child{position:sticky;left:0}
tbody th:first-child{background:var(--surface)}
tbody tr:hover th:first-child{background:var(--raised)}
button.copy{font:inherit;font-size:.75rem;margin-left:.4rem;padding:.1rem .5rem;border:1px solid var(--rule-strong);border-radius:3px;background:var(--surface);color:var(--ink);cursor:pointer}
dl{max-width:50rem}
dt{font-weight:600;margin-top:.6rem}
dd{margin:0 0 0 1.25rem;color:var(--ink-soft)}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--rule);color:var(--ink-soft);font-size:.85rem;overflow-wrap:anywhere}
.quiet{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
@media screen and (max-width:640px){
.page{padding:1rem .9rem 3rem}
.wide{display:none}.narrow{display:block}
.drawing svg{max-width:440px}
h1{font-size:1.4rem}h2{font-size:1.15rem}
}
@media print{
body{font-size:10pt}.page{max-width:none;padding:0}
nav,.skip,button.copy{display:none}
h2,h3,caption{break-after:avoid}figure,tr,.verdicts li{break-inside:avoid}
.scroll{overflow:visible;background:none}table{font-size:7pt;width:auto}th,td{padding:.1rem .25rem}
tbody th,td.m{white-space:normal;overflow-wrap:anywhere}
tbody th:first-child,thead tr:first-child th:first-child{position:static}
}
@media (forced-colors:active){.verdicts li{border-color:CanvasText}}
`;

export const PAGE_SCRIPT = `
(function(){
var said=document.getElementById('said');
function select(code){var range=document.createRange();range.selectNodeContents(code);var chosen=getSelection();chosen.removeAllRanges();chosen.addRange(range)}
function tell(button,text){button.textContent=text;said.textContent=text;setTimeout(function(){button.textContent='Copy'},1500)}
document.querySelectorAll('code[data-copy]').forEach(function(code){
var button=document.createElement('button');
button.type='button';button.className='copy';button.textContent='Copy';
button.setAttribute('aria-label','Copy command: '+code.textContent);
button.addEventListener('click',function(){
if(!navigator.clipboard){select(code);tell(button,document.execCommand('copy')?'Copied':'Selected');return}
navigator.clipboard.writeText(code.textContent).then(function(){tell(button,'Copied')},function(){select(code);tell(button,'Selected')});
});
code.after(button);
});
})();
`;

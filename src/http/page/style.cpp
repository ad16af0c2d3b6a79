#include "pages.hpp"

namespace tajo::http::page {

const std::string_view kStyle = R"css(
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--line:#e3e6eb;--text:#1b2230;--quiet:#667085;--accent:#2459d6;--good:#15803d;--good-bg:#dcf5e4;--warn:#a15c00;--warn-bg:#fdf0d5;--bad:#b42318;--bad-bg:#fde4e1;--track:#e6e9ef;--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){--bg:#0f131a;--card:#171c26;--line:#272e3b;--text:#e6e9ef;--quiet:#97a1b3;--accent:#7aa2ff;--good:#5fd18a;--good-bg:#12351f;--warn:#f2b75c;--warn-bg:#3a2a0c;--bad:#ff8f85;--bad-bg:#421a17;--track:#2a3140}}
:root[data-theme=dark]{color-scheme:dark;--bg:#0f131a;--card:#171c26;--line:#272e3b;--text:#e6e9ef;--quiet:#97a1b3;--accent:#7aa2ff;--good:#5fd18a;--good-bg:#12351f;--warn:#f2b75c;--warn-bg:#3a2a0c;--bad:#ff8f85;--bad-bg:#421a17;--track:#2a3140}
:root[data-theme=light]{color-scheme:light}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-variant-numeric:tabular-nums}
header{display:flex;align-items:center;gap:12px;padding:10px 24px;background:var(--card);border-bottom:1px solid var(--line);position:sticky;top:0;z-index:2}
h1{font-size:18px;margin:0;display:flex;align-items:center;gap:8px;letter-spacing:.01em}
.mark{width:16px;height:16px;border-radius:4px;background:linear-gradient(135deg,var(--accent) 50%,transparent 50%),var(--track)}
h2{font-size:15px;margin:28px 0 10px;font-weight:600}
main{max-width:1280px;margin:0 auto;padding:8px 24px 32px}
footer{max-width:1280px;margin:0 auto;padding:0 24px 32px}
a{color:var(--accent)}
.grow{flex:1}.quiet{color:var(--quiet)}.small{font-size:13px}
.pill{display:inline-block;padding:1px 9px;border-radius:99px;font-size:12.5px;font-weight:600;background:var(--track);color:var(--quiet);white-space:nowrap}
.pill.good{background:var(--good-bg);color:var(--good)}.pill.warn{background:var(--warn-bg);color:var(--warn)}.pill.bad{background:var(--bad-bg);color:var(--bad)}
button{font:inherit;padding:7px 14px;border-radius:8px;border:1px solid var(--accent);background:var(--accent);color:#fff;font-weight:600;cursor:pointer}
:root[data-theme=dark] button{color:#0f131a}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]) button{color:#0f131a}}
button.ghost,:root[data-theme=dark] button.ghost{background:none;border-color:var(--line);color:var(--text);font-weight:500;padding:4px 10px}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]) button.ghost{color:var(--text)}}
header form{margin:0}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.banner{padding:10px 24px;background:var(--bad-bg);color:var(--bad);font-weight:500}
.tiles{display:grid;grid-template-columns:repeat(6,1fr);gap:12px;margin-top:16px}
.tile,.card,.query,.scroll{background:var(--card);border:1px solid var(--line);border-radius:12px}
.tile{padding:12px 16px}.tile b{display:block;font-size:22px;line-height:1.25}.tile span{color:var(--quiet);font-size:13px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
th,td{padding:8px 14px;text-align:left;white-space:nowrap}
th{font-size:12.5px;font-weight:600;color:var(--quiet);border-bottom:1px solid var(--line)}
tbody tr+tr td{border-top:1px solid var(--line)}
.num{text-align:right}
td.empty{color:var(--quiet);text-align:center}
.bar{display:inline-block;vertical-align:middle;width:110px;height:6px;border-radius:3px;background:var(--track);overflow:hidden;margin-right:8px}
.bar i{display:block;height:100%;background:var(--accent);border-radius:3px;transition:width .6s}
.query{padding:12px 16px;margin-bottom:10px}
.query .head{display:flex;flex-wrap:wrap;gap:4px 14px;align-items:center}
.query .bar{display:block;width:100%;margin:10px 0 8px;height:8px;border-radius:4px}
.query .numbers{color:var(--quiet);font-size:13px;display:flex;flex-wrap:wrap;gap:0 18px}
.id,code,pre{font-family:var(--mono);font-size:12.5px}
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;max-height:9.5em;overflow-y:auto}
.none{padding:18px 16px;color:var(--quiet);text-align:center}
.tools{display:flex;gap:10px;margin-bottom:10px}
input,select{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:7px 12px;min-width:0}
.tools input{flex:1;max-width:420px}
td.sql{max-width:0;width:50%;overflow:hidden;text-overflow:ellipsis;font-family:var(--mono);font-size:12.5px}
tr.open td{vertical-align:top}
tr.open td.sql{white-space:pre-wrap;overflow-wrap:anywhere}
.queries tbody tr{cursor:pointer}.queries tbody tr:hover td{background:color-mix(in srgb,var(--accent) 5%,transparent)}
.error{display:block;color:var(--bad);font-family:inherit}
.login{min-height:100vh;display:flex;flex-direction:column;align-items:center;justify-content:center;gap:14px}
.login form{width:100%;max-width:380px;padding:28px;display:flex;flex-direction:column;gap:14px}
.login h1{font-size:22px}.login p{margin:0}
.login label{display:flex;flex-direction:column;gap:4px;font-size:13.5px;font-weight:600}
.login button{padding:10px}
.problem{background:var(--bad-bg);color:var(--bad);padding:8px 12px;border-radius:8px}
@media (max-width:1100px){.tiles{grid-template-columns:repeat(3,1fr)}}
@media (max-width:720px){
header{padding:10px 14px;flex-wrap:wrap;gap:8px}.user,#epoch{display:none}
main,footer{padding-left:14px;padding-right:14px}
.tiles{grid-template-columns:repeat(2,1fr);gap:10px}.tile{padding:10px 14px}.tile b{font-size:19px}
thead{display:none}table,tbody,td{display:block}
tbody tr{display:grid;grid-template-columns:1fr 1fr;column-gap:24px;padding:10px 14px}
td:first-child,td.sql,td.wide,td.empty{grid-column:1/-1}tbody tr+tr{border-top:1px solid var(--line)}tbody tr+tr td{border-top:0}
td{padding:2px 0;white-space:normal;overflow-wrap:anywhere;display:flex;gap:12px;justify-content:space-between;text-align:right}
td::before{content:attr(data-label);color:var(--quiet);text-align:left;flex:none;font-family:system-ui,sans-serif;font-size:13.5px}
td.empty{justify-content:center}
td.sql{width:auto;max-width:none;display:block;text-align:left;max-height:3.1em;overflow:hidden}
td.sql::before{content:none}tr.open td.sql{max-height:none}
}
@media (prefers-reduced-motion:reduce){.bar i{transition:none}}
)css";

}  // namespace tajo::http::page

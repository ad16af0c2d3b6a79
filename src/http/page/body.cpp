#include "pages.hpp"

namespace tajo::http::page {

const std::string_view kBody = R"html(<header>
<h1><span class="mark" aria-hidden="true"></span>Tajo</h1>
<span id="health" class="pill" role="status">connecting…</span>
<span id="epoch" class="quiet"></span>
<span class="grow"></span>
<span class="quiet user">%USER%</span>
<button id="theme" type="button" class="ghost" title="Light or dark">◐</button>
<form method="post" action="/logout"><button type="submit" class="ghost">Log out</button></form>
</header>
<div id="banner" class="banner" hidden></div>
<main>
<section class="tiles" aria-label="Summary">
<div class="tile"><b id="t-masters">–</b><span>masters</span></div>
<div class="tile"><b id="t-workers">–</b><span>workers</span></div>
<div class="tile"><b id="t-running">–</b><span>running queries</span></div>
<div class="tile"><b id="t-tasks">–</b><span>running tasks</span></div>
<div class="tile"><b id="t-cores">–</b><span>worker cores</span></div>
<div class="tile"><b id="t-memory">–</b><span>worker memory</span></div>
</section>
<section><h2>Running queries</h2><div id="running"></div></section>
<section><h2>Masters</h2><div class="scroll"><table><thead><tr><th>Host</th><th>Role</th><th class="num">Rank</th><th class="num">Client port</th><th class="num">Web port</th><th class="num">Process</th><th class="num">Heartbeat</th></tr></thead><tbody id="masters"></tbody></table></div></section>
<section><h2>Workers</h2><div class="scroll"><table><thead><tr><th>Host</th><th>Role</th><th class="num">Rank</th><th class="num">Cores</th><th class="num">Tasks</th><th>Memory</th><th class="num">Process</th><th class="num">Heartbeat</th></tr></thead><tbody id="workers"></tbody></table></div></section>
<section><h2>Finished queries</h2>
<div class="tools"><input id="filter" type="search" placeholder="Filter by SQL, user or id" aria-label="Filter finished queries">
<select id="state" aria-label="State"><option value="">all states</option><option value="QUERY_SUCCEEDED">succeeded</option><option value="QUERY_FAILED">failed</option><option value="QUERY_KILLED">killed</option></select></div>
<div class="scroll"><table class="queries"><thead><tr><th>Query</th><th>State</th><th>User</th><th class="sql">SQL</th><th>Started</th><th class="num">Time</th><th class="num">Rows</th></tr></thead><tbody id="finished"></tbody></table></div></section>
</main>
<footer class="quiet small">Tajo for HPC %VERSION% · <span id="updated"></span> · <a href="/api/status">JSON</a></footer>)html";

}  // namespace tajo::http::page

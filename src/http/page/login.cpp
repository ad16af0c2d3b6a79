#include "pages.hpp"

namespace tajo::http::page {

const std::string_view kLoginBody = R"html(<main class="login">
<form method="post" action="/login" class="card">
<h1><span class="mark" aria-hidden="true"></span>Tajo</h1>
<p class="quiet">Log in with your database user and password.</p>
%PROBLEM%
<label>User<input name="user" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<button type="submit">Log in</button>
<p class="quiet small">No password yet? On the cluster's host, its owner sets one with<br><code>tsql -c "ALTER USER name PASSWORD '…'"</code></p>
</form>
<p class="quiet small">Tajo for HPC %VERSION%</p>
</main>)html";

}  // namespace tajo::http::page

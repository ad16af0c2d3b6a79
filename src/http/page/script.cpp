#include "pages.hpp"

namespace tajo::http::page {

// Text from the cluster is set as text, never as markup.
const std::string_view kScript = R"js(
"use strict";
const $ = id => document.getElementById(id);
const kEvery = 1000, kStaleHeartbeat = 10000;
let last = null, failures = 0;
const opened = new Set(), seen = {};

function el(tag, text, cls) {
  const e = document.createElement(tag);
  if (text !== undefined && text !== null) e.textContent = text;
  if (cls) e.className = cls;
  return e;
}
const count = n => Number(n || 0).toLocaleString("en-US");
function bytes(mb) { return mb >= 1024 ? (mb / 1024).toFixed(mb >= 10240 ? 0 : 1) + " GiB" : count(mb) + " MiB"; }
function span(ms) {
  if (ms < 1000) return Math.round(ms) + " ms";
  if (ms < 60000) return (ms / 1000).toFixed(1) + " s";
  const m = Math.floor(ms / 60000), h = Math.floor(m / 60);
  return h ? h + " h " + m % 60 + " min" : m + " min " + Math.floor(ms / 1000) % 60 + " s";
}
function when(ms) {
  const d = new Date(ms), today = new Date().toDateString() === d.toDateString();
  const time = d.toLocaleTimeString([], {hour12: false});
  return today ? time : d.toLocaleDateString([], {year: "numeric", month: "short", day: "numeric"}) + ", " + time;
}
function heartbeat(ms) { return ms === null || ms === undefined || ms < 0 ? "–" : ms < 1000 ? "now" : span(ms) + " ago"; }
const isDone = q => /SUCCEEDED|FAILED|KILLED|ERROR/.test(q.state) && !/KILL_WAIT/.test(q.state);
function stateWord(s) { return String(s).replace(/^QUERY_/, "").toLowerCase().replace(/_/g, " "); }
function stateClass(s) { return /SUCCEEDED/.test(s) ? "good" : /FAILED|ERROR/.test(s) ? "bad" : /KILL/.test(s) ? "warn" : ""; }
function pill(text, cls) { return el("span", text, "pill " + (cls || "")); }
function bar(part) {
  const b = el("span", "", "bar"), i = el("i");
  i.style.width = Math.round(Math.max(0, Math.min(1, part || 0)) * 100) + "%";
  b.append(i);
  return b;
}
function cell(row, label, content, cls) {
  const td = el("td", typeof content === "object" ? undefined : content, cls);
  td.dataset.label = label;
  if (typeof content === "object") td.append(...[].concat(content));
  row.append(td);
  return td;
}
function emptyRow(body, columns, text) {
  const tr = el("tr"), td = el("td", text, "empty");
  td.colSpan = columns;
  tr.append(td);
  body.replaceChildren(tr);
}
// Draws only what has changed, so that selections and scrolling stay.
function changed(name, value) {
  const text = JSON.stringify(value);
  if (seen[name] === text) return false;
  seen[name] = text;
  return true;
}

function drawMembers(members) {
  const lost = m => m.status === "LOST";
  const masters = members.filter(m => !lost(m) && (m.role === "active" || m.role === "backup"));
  const workers = members.filter(m => !masters.includes(m));
  const live = workers.filter(m => !lost(m) && m.role === "worker");
  const sum = key => live.reduce((a, m) => a + (m[key] || 0), 0);
  $("t-masters").textContent = masters.length;
  $("t-workers").textContent = live.length;
  $("t-tasks").textContent = count(sum("running_tasks"));
  $("t-cores").textContent = count(sum("cores"));
  $("t-memory").textContent = bytes(sum("memory_mb"));
  const shown = m => ({...m, last_heartbeat_ms: heartbeat(m.last_heartbeat_ms)});
  if (changed("masters", masters.map(shown))) {
    $("masters").replaceChildren(...masters.map(m => {
      const tr = el("tr");
      cell(tr, "Host", m.host);
      cell(tr, "Role", [pill(m.role, m.role === "active" ? "good" : "")]);
      cell(tr, "Rank", m.rank, "num");
      cell(tr, "Client port", m.port || "–", "num");
      cell(tr, "Web port", m.http_port || "–", "num");
      cell(tr, "Process", m.pid, "num");
      cell(tr, "Heartbeat", heartbeat(m.last_heartbeat_ms), "num");
      return tr;
    }));
    if (!masters.length) emptyRow($("masters"), 7, "No master is known.");
  }
  if (changed("workers", workers.map(shown))) {
    $("workers").replaceChildren(...workers.map(m => {
      const tr = el("tr"), late = m.last_heartbeat_ms > kStaleHeartbeat;
      cell(tr, "Host", m.host);
      cell(tr, "Role", [lost(m) ? pill(m.role + ", lost", "bad") : pill(m.role, m.role === "worker" ? (late ? "warn" : "good") : "")]);
      cell(tr, "Rank", m.rank, "num");
      cell(tr, "Cores", m.cores, "num");
      cell(tr, "Tasks", count(m.running_tasks), "num");
      const memory = el("span");
      if (m.memory_used_mb !== undefined && m.memory_mb) memory.append(bar(m.memory_used_mb / m.memory_mb), bytes(m.memory_used_mb) + " of " + bytes(m.memory_mb));
      else memory.append(bytes(m.memory_mb));
      cell(tr, "Memory", [memory], "wide");
      cell(tr, "Process", m.pid, "num");
      cell(tr, "Heartbeat", heartbeat(m.last_heartbeat_ms), "num");
      return tr;
    }));
    if (!workers.length) emptyRow($("workers"), 8, "No worker is known.");
  }
  return masters;
}

function drawRunning(queries) {
  const box = $("running");
  $("t-running").textContent = queries.length;
  if (!queries.length) {
    if (changed("running", [])) box.replaceChildren(el("div", "Nothing is running.", "query none"));
    return;
  }
  seen.running = "";
  const cards = new Map([...box.querySelectorAll("[data-id]")].map(c => [c.dataset.id, c]));
  const order = queries.map(q => {
    let card = cards.get(q.query_id);
    if (!card) {
      card = el("div", undefined, "query");
      card.dataset.id = q.query_id;
      const head = el("div", undefined, "head");
      head.append(el("span", q.query_id, "id"), pill(""), el("span", q.user), el("span", "started " + when(q.started_ms), "quiet small"));
      const numbers = el("div", undefined, "numbers");
      numbers.append(el("span"), el("span"), el("span"));
      card.append(head, bar(0), numbers, el("pre", q.sql));
      card.querySelector("pre").style.marginTop = "8px";
    }
    const p = card.querySelector(".pill");
    p.textContent = stateWord(q.state);
    p.className = "pill " + stateClass(q.state);
    card.querySelector(".bar i").style.width = Math.round((q.progress || 0) * 100) + "%";
    const [a, b, c] = card.querySelectorAll(".numbers span");
    a.textContent = Math.round((q.progress || 0) * 100) + " %";
    b.textContent = count(q.rows_read) + " rows read";
    c.textContent = span(q.elapsed_ms);
    return card;
  });
  const now = [...box.children];
  if (now.length !== order.length || order.some((c, i) => c !== now[i])) box.replaceChildren(...order);
}

function drawFinished(queries) {
  const text = $("filter").value.trim().toLowerCase(), state = $("state").value;
  const rows = queries.filter(q => (!state || q.state === state) && (!text || [q.sql, q.user, q.query_id].some(v => String(v).toLowerCase().includes(text))));
  if (!changed("finished", [rows, text, state])) return;
  if (!rows.length) return emptyRow($("finished"), 7, queries.length ? "No query matches." : "No query has finished yet.");
  $("finished").replaceChildren(...rows.map(q => {
    const tr = el("tr");
    tr.tabIndex = 0;
    tr.title = "Show all of it";
    cell(tr, "Query", q.query_id, "id");
    cell(tr, "State", [pill(stateWord(q.state), stateClass(q.state))]);
    cell(tr, "User", q.user);
    const sql = cell(tr, "SQL", q.sql, "sql");
    if (q.error) sql.append(" ", el("span", q.error, "error"));
    cell(tr, "Started", when(q.started_ms), "wide");
    cell(tr, "Time", span(q.elapsed_ms), "num");
    cell(tr, "Rows", count(q.rows), "num");
    tr.classList.toggle("open", opened.has(q.query_id));
    const toggle = () => {
      if (String(getSelection())) return;
      tr.classList.toggle("open") ? opened.add(q.query_id) : opened.delete(q.query_id);
    };
    tr.addEventListener("click", toggle);
    tr.addEventListener("keydown", e => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); toggle(); } });
    return tr;
  }));
}

function draw(status) {
  last = status;
  const members = status.members || [], queries = status.queries || [];
  drawMembers(members);
  drawRunning(queries.filter(q => !isDone(q)));
  drawFinished(queries.filter(isDone));
  const active = members.find(m => m.role === "active" && m.status !== "LOST"), c = status.cluster || {};
  const health = $("health");
  health.textContent = !active ? "no active master" : c.degraded ? "degraded" + (c.degraded_by ? ", " + c.degraded_by : "") : "healthy";
  health.className = "pill " + (!active ? "bad" : c.degraded ? "warn" : "good");
  $("epoch").textContent = "epoch " + c.epoch + " · view " + c.view;
  $("updated").textContent = "updated " + when(Date.now());
}

function showLost() {
  const banner = $("banner"), others = ((last || {}).members || []).filter(m => m.http_port && m.status !== "LOST" && (m.role === "active" || m.role === "backup"));
  banner.replaceChildren("This master does not answer; trying again. ");
  const local = location.hostname === "localhost" || location.hostname === "127.0.0.1";
  others.forEach(m => {
    const port = String(m.http_port);
    if (port === location.port && (local || m.host === location.hostname)) return;
    const a = el("a", m.host + ":" + port);
    a.href = location.protocol + "//" + (local ? location.hostname : m.host) + ":" + port + "/";
    banner.append(" Other master: ", a, " ");
  });
  banner.hidden = false;
  $("health").textContent = "not connected";
  $("health").className = "pill bad";
}

async function update() {
  try {
    const answer = await fetch("/api/status", {cache: "no-store", signal: AbortSignal.timeout(5000)});
    if (answer.status === 401) return location.assign("/login");
    if (!answer.ok) throw new Error(answer.statusText);
    draw(await answer.json());
    failures = 0;
    $("banner").hidden = true;
  } catch (e) {
    if (++failures >= 2) showLost();
  }
  setTimeout(update, document.hidden ? 5 * kEvery : kEvery);
}

const root = document.documentElement, saved = localStorage.getItem("tajo-theme");
if (saved) root.dataset.theme = saved;
$("theme").addEventListener("click", () => {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("tajo-theme", root.dataset.theme);
});
$("filter").addEventListener("input", () => last && draw(last));
$("state").addEventListener("change", () => last && draw(last));
update();
)js";

}  // namespace tajo::http::page

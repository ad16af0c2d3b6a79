#include "progress_watch.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "cluster_connection.hpp"
#include "tajo/common/clock.hpp"

namespace tajo::client {
namespace {

constexpr std::int64_t kQuietUs = 500'000;  // shorter statements show no bar
constexpr auto kAskEvery = std::chrono::milliseconds(250);
constexpr int kBarWidth = 25;
}  // namespace

std::string progress_line(const QueryProgress& progress, double seconds) {
  double fraction = std::clamp(progress.fraction, 0.0, 1.0);
  auto filled = static_cast<int>(fraction * kBarWidth);
  std::string bar(static_cast<std::size_t>(filled), '=');
  if (filled < kBarWidth) bar.push_back('>');
  bar.resize(kBarWidth, ' ');
  char text[128];
  std::snprintf(text, sizeof text, "[%s] %d%%  %llu rows  %.2f sec", bar.c_str(), static_cast<int>(fraction * 100),
                static_cast<unsigned long long>(progress.rows), seconds);
  return text;
}

ProgressWatch::ProgressWatch() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);  // Ctrl-C belongs to the main thread
  thread_ = std::thread([this] { work(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

ProgressWatch::~ProgressWatch() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void ProgressWatch::begin(const std::string& session, Parameters parameters) {
  std::lock_guard lock(mutex_);
  session_ = session;
  parameters_ = std::move(parameters);
  progress_ = {};
  asked_ = false;
  start_us_ = boottime_us();
}

void ProgressWatch::end() {
  clear();
  std::lock_guard lock(mutex_);
  session_.clear();
}

std::string ProgressWatch::query_id() const {
  std::lock_guard lock(mutex_);
  return progress_.query_id;
}

void ProgressWatch::tick() {
  std::unique_lock lock(mutex_);
  std::int64_t elapsed = boottime_us() - start_us_;
  if (elapsed < kQuietUs) return;
  if (!asked_) {
    asked_ = true;
    wake_.notify_all();
  }
  std::string line = progress_line(progress_, static_cast<double>(elapsed) / 1e6);
  drawn_ = true;
  lock.unlock();
  std::fprintf(stderr, "\r%s\x1b[K", line.c_str());
  std::fflush(stderr);
}

void ProgressWatch::clear() {
  {
    std::lock_guard lock(mutex_);
    if (!drawn_) return;
    drawn_ = false;
  }
  std::fprintf(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

void ProgressWatch::work() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (session_.empty() || !asked_) {
      wake_.wait(lock);
      continue;
    }
    std::string session = session_;
    Parameters parameters = parameters_;
    lock.unlock();
    ask(session, parameters);
    lock.lock();
    wake_.wait_for(lock, kAskEvery, [this] { return ending_; });
  }
  if (connection_ != nullptr) PQfinish(connection_);
}

void ProgressWatch::ask(const std::string& session, const Parameters& parameters) {
  if (connection_ != nullptr && (connected_with_ != parameters || PQstatus(connection_) != CONNECTION_OK)) {
    PQfinish(connection_);
    connection_ = nullptr;
  }
  std::string why;
  if (connection_ == nullptr) connection_ = open_connection(parameters, why);
  if (connection_ == nullptr) return;
  connected_with_ = parameters;
  PGresult* result = PQexec(connection_, ("SELECT query_id, progress, rows_read FROM information_schema.queries WHERE session_id = " +
                                          quote_literal(session) + " AND finished IS NULL ORDER BY query_id DESC LIMIT 1").c_str());
  if (PQresultStatus(result) == PGRES_TUPLES_OK && PQnfields(result) == 3 && PQntuples(result) == 1) {
    std::lock_guard lock(mutex_);
    if (session_ == session)
      progress_ = {PQgetvalue(result, 0, 0), std::atof(PQgetvalue(result, 0, 1)), std::strtoull(PQgetvalue(result, 0, 2), nullptr, 10)};
  }
  PQclear(result);
}

}  // namespace tajo::client

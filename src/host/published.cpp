#include "tajo/host/published.hpp"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "tajo/common/log.hpp"

namespace tajo::host {
namespace {

namespace fs = std::filesystem;
constexpr auto kLook = std::chrono::milliseconds(200);     ///< at requests
constexpr int kRefreshLooks = 25;                          ///< an endpoint somebody withdrew wrongly is back after 5 s
constexpr auto kWithdrawal = std::chrono::seconds(1);
constexpr const char* kMasterPrefix = "master-";
constexpr const char* kUnnamedPrefix = "new-";  ///< of a file that is written

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  DIR* opened = ::opendir(directory.c_str());
  if (opened == nullptr) return names;
  while (const dirent* entry = ::readdir(opened))
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  ::closedir(opened);
  return names;
}

}  // namespace

std::string ha_directory(const std::string& rootdir) { return rootdir + "/system/ha"; }

std::string Endpoint::text() const {
  std::stringstream out;
  out << "host " << host << "\nclient_port " << client_port << "\nhttp_port " << http_port << "\npid " << pid << "\nrank " << rank
      << "\nworld " << world << "\nlaunch " << launch << "\nepoch " << epoch << "\nstate " << state
      << "\nmembers " << members << "\nworkers " << workers << "\nrunning " << running << "\ninside " << inside << "\npaused " << paused
      << "\n";
  return out.str();
}

Endpoint Endpoint::parse(const std::string& text) {
  Endpoint e;
  std::stringstream in(text);
  for (std::string key; in >> key;) {
    if (key == "host") in >> e.host;
    else if (key == "client_port") in >> e.client_port;
    else if (key == "http_port") in >> e.http_port;
    else if (key == "pid") in >> e.pid;
    else if (key == "rank") in >> e.rank;
    else if (key == "world") in >> e.world;
    else if (key == "launch") in >> e.launch;
    else if (key == "epoch") in >> e.epoch;
    else if (key == "state") in >> e.state;
    else if (key == "members") in >> e.members;
    else if (key == "workers") in >> e.workers;
    else if (key == "running") in >> e.running;
    else if (key == "inside") in >> e.inside;
    else if (key == "paused") in >> e.paused;
  }
  return e;
}

std::vector<Endpoint> published_endpoints(const std::string& directory) {
  std::vector<Endpoint> found;
  for (const std::string& name : names_in(directory)) {
    if (!name.starts_with(kMasterPrefix)) continue;
    std::ifstream file(directory + "/" + name);
    std::stringstream text;
    text << file.rdbuf();
    Endpoint e = Endpoint::parse(text.str());
    if (!e.host.empty() && e.client_port != 0) found.push_back(std::move(e));
  }
  return found;
}

// By reading the directory: a look-up by name may be answered from a client's negative cache for a minute.
Request requested(const std::string& directory, const std::string& launch) {
  Request found = Request::kNone;
  for (const std::string& name : names_in(directory + "/requests")) {
    if (name == "replace-" + launch) return Request::kReplace;
    if (name == "stop" || name == "stop-" + launch) found = Request::kStop;
    else if (name == "close-" + launch) found = std::max(found, Request::kClose);
    else if (name == "drain-" + launch) found = std::max(found, Request::kDrain);
  }
  return found;
}

Publisher::Publisher(std::string directory, Endpoint self, std::function<void(Request)> on_request)
    : directory_(std::move(directory)),
      path_(directory_ + "/" + kMasterPrefix + self.launch + "-" + std::to_string(self.rank)),
      unnamed_(directory_ + "/" + kUnnamedPrefix + self.launch + "-" + std::to_string(self.rank)),
      on_request_(std::move(on_request)),
      endpoint_(std::move(self)),
      thread_("tajo-publish", 256 << 10, [this] { run(); }) {}

Publisher::~Publisher() { withdraw(); }

void Publisher::update(Epoch epoch, const std::string& state, std::set<Rank> members, int workers) {
  const std::lock_guard lock(mutex_);
  endpoint_.epoch = epoch;
  endpoint_.state = state;
  endpoint_.members = static_cast<int>(members.size());
  endpoint_.workers = workers;
  members_ = std::move(members);
  changed_ = true;
  wake_.notify_all();
}

void Publisher::load(int running, int inside, bool paused) {
  const std::lock_guard lock(mutex_);
  if (endpoint_.running == running && endpoint_.paused == paused && (endpoint_.inside == inside || !paused)) return;
  endpoint_.running = running;
  endpoint_.inside = inside;
  endpoint_.paused = paused;
  changed_ = true;
  wake_.notify_all();
}

void Publisher::run() {
  Request told = Request::kNone;
  std::unique_lock lock(mutex_);
  for (int look = 0; !ending_; ++look) {
    const bool refresh = std::exchange(changed_, false) || look % kRefreshLooks == 0;
    const Endpoint endpoint = endpoint_;
    const std::set<Rank> members = members_;
    lock.unlock();
    // Before its first view a rank says nothing: its world may yet be refused.
    if (refresh && !endpoint.state.empty()) {
      publish(endpoint);
      if (endpoint.state == "active") withdraw_others(endpoint, members);
    }
    const Request now = requested(directory_, endpoint.launch);
    if (now != std::exchange(told, now)) on_request_(now);
    lock.lock();
    if (!changed_ && !ending_) wake_.wait_for(lock, kLook);
  }
  lock.unlock();
  ::unlink(path_.c_str());
  ::unlink(unnamed_.c_str());
  lock.lock();
  ended_ = true;
  wake_.notify_all();
}

void Publisher::publish(const Endpoint& endpoint) const {
  {
    std::ofstream file(unnamed_, std::ios::trunc);
    file << endpoint.text();
    if (!file.flush()) return;  // a full disk: the next look tries again
  }
  std::error_code failed;
  fs::rename(unnamed_, path_, failed);
}

/// The active's claim has ended every other launch; ranks outside the view publish again when they are admitted. By their
/// names: of a rank that was killed before it gave its file its name, the file need not be whole.
void Publisher::withdraw_others(const Endpoint& endpoint, const std::set<Rank>& members) const {
  std::set<std::string> ours;
  for (const Rank rank : members)
    for (const char* prefix : {kMasterPrefix, kUnnamedPrefix}) ours.insert(prefix + endpoint.launch + "-" + std::to_string(rank));
  for (const std::string& name : names_in(directory_))
    if ((name.starts_with(kMasterPrefix) || name.starts_with(kUnnamedPrefix)) && !ours.contains(name)) ::unlink((directory_ + "/" + name).c_str());
}

void Publisher::withdraw() {
  if (!thread_.joinable()) return;
  std::unique_lock lock(mutex_);
  ending_ = true;
  wake_.notify_all();
  const bool ended = wake_.wait_for(lock, kWithdrawal, [this] { return ended_; });
  lock.unlock();
  if (ended) thread_.join();
  else thread_.detach();  // the process ends next
}

}  // namespace tajo::host

#include "tajo/host/launch_check.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <sstream>
#include <thread>
#include <vector>

#include "tajo/host/last_words.hpp"
#include "tajo/host/log_end.hpp"
#include "tajo/host/published.hpp"
#include "tajo/journal/posix_log_files.hpp"

namespace tajo::host {
namespace {

constexpr int kAnswerMs = 1000;
constexpr double kQuietS = 60;  ///< longer than any rank without a cluster waits before it claims or ends itself

bool ready(int fd, short events) {
  pollfd p{fd, events, 0};
  return ::poll(&p, 1, kAnswerMs) == 1 && (p.revents & events) != 0;
}

enum class Answer : char { kNone, kRefused, kYes };

/// Whether a PostgreSQL server is there: an SSLRequest is answered by one letter, by any of them and before any login.
Answer answer_of(const std::string& host, int port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return Answer::kNone;
  Answer answer = Answer::kNone;
  for (const addrinfo* a = found; a != nullptr && answer != Answer::kYes; a = a->ai_next) {
    const int fd = ::socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    constexpr unsigned char kSslRequest[] = {0, 0, 0, 8, 4, 210, 22, 47};
    char letter = 0;
    const bool begun = ::connect(fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS;
    const bool there = begun && ready(fd, POLLOUT);
    int error = begun ? 0 : errno;
    socklen_t length = sizeof error;
    if (there) ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error == ECONNREFUSED) answer = Answer::kRefused;
    if (there && error == 0 && ::send(fd, kSslRequest, sizeof kSslRequest, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof kSslRequest) && ready(fd, POLLIN) &&
        ::recv(fd, &letter, 1, 0) == 1)
      answer = letter == 'S' || letter == 'N' ? Answer::kYes : Answer::kNone;
    ::close(fd);
  }
  ::freeaddrinfo(found);
  return answer;
}

/// All at once: a host that is gone costs its second once.
std::vector<Answer> ask(const std::vector<Endpoint>& endpoints) {
  std::vector<Answer> answers(endpoints.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < endpoints.size(); ++i)
      threads.emplace_back([&, i] { answers[i] = answer_of(endpoints[i].host, endpoints[i].client_port); });
  }
  return answers;
}

std::string log_directory(const Config& config) { return config.rootdir() + "/system/log"; }

/// `launch`: of that launch; empty: of any.
bool ended_in_good_order(const Config& config, const std::string& launch) {
  for (const journal::Record& record : journal::PosixLogFiles::newest_records(log_directory(config)))
    if (record.kind == journal::RecordKind::kLastWords && (launch.empty() || decode_last_words(record.payload).launch == launch)) return true;
  return false;
}

}  // namespace

std::optional<Endpoint> answering_master(const Config& config) {
  const std::vector<Endpoint> endpoints = published_endpoints(ha_directory(config.rootdir()));
  const std::vector<Answer> answers = ask(endpoints);
  const auto at = std::find(answers.begin(), answers.end(), Answer::kYes);
  if (at == answers.end()) return {};
  return endpoints[static_cast<std::size_t>(at - answers.begin())];
}

std::string reason_not_to_start(const Config& config) {
  if (const auto e = answering_master(config))
    return "a master of this root directory answers at " + e->host + ":" + std::to_string(e->client_port) + " (process " + std::to_string(e->pid) +
           "). Stop that cluster first (stop-tajo.sh), or replace it with --force";
  const auto age = journal::PosixLogFiles::newest_slot_age_s(log_directory(config));
  if (!age || *age >= kQuietS || ended_in_good_order(config, {})) return {};
  const long left = static_cast<long>(std::ceil(kQuietS - std::max(0.0, *age)));
  return config.rootdir() + ": its log was written " + std::to_string(static_cast<long>(std::max(0.0, *age))) +
         " s ago by a cluster that was not stopped and may still run somewhere. Stop it (stop-tajo.sh), wait " + std::to_string(left) +
         " s, or replace it with --force (no acknowledged statement is lost)";
}

std::string launch_state(const Config& config, const std::string& launch) {
  const std::string directory = ha_directory(config.rootdir());
  std::vector<Endpoint> endpoints = published_endpoints(directory);
  std::erase_if(endpoints, [&](const Endpoint& e) { return !launch.empty() && e.launch != launch; });
  std::stringstream out;
  int masters = 0, refused = 0, inside = 0, open = 0;
  std::string active, found = launch;
  Endpoint says;
  const std::vector<Answer> answers = ask(endpoints);
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const Endpoint& e = endpoints[i];
    refused += answers[i] == Answer::kRefused;
    if (answers[i] != Answer::kYes) continue;
    ++masters;
    inside += e.inside;
    open += !e.paused;
    found = e.launch;
    if (e.state != "active") continue;
    active = e.host + ":" + std::to_string(e.client_port);
    says = e;
  }
  std::string ranks;
  std::error_code failed;
  for (auto it = std::filesystem::directory_iterator(directory, failed); it != std::filesystem::directory_iterator(); it.increment(failed)) {
    const std::string name = it->path().filename().string();
    const bool stopping = name.starts_with("stopping-");
    if (!stopping && !name.starts_with("rank-")) continue;
    const std::string of = name.substr(name.find('-') + 1);
    if (launch.empty() || of.substr(0, of.rfind('-')) == launch) ranks += (ranks.empty() ? "" : " ") + name;
  }
  const auto age = journal::PosixLogFiles::newest_slot_age_s(log_directory(config));
  out << "TAJO_STATE_LAUNCH='" << found << "'\nTAJO_STATE_ACTIVE='" << active << "'\nTAJO_STATE_ANSWERING=" << masters
      << "\nTAJO_STATE_GONE=" << (refused == static_cast<int>(endpoints.size())) << "\nTAJO_STATE_MEMBERS=" << says.members
      << "\nTAJO_STATE_WORKERS=" << says.workers << "\nTAJO_STATE_RUNNING=" << says.running << "\nTAJO_STATE_DRAINED="
      << (masters > 0 && open == 0 && inside == 0 && says.running == 0) << "\nTAJO_STATE_LOG_AGE_S="
      << (age ? std::to_string(static_cast<long>(std::max(0.0, *age))) : "") << "\nTAJO_STATE_ENDED=" << ended_in_good_order(config, launch) << "\nTAJO_STATE_LOG_END=" << log_end_word(config)
      << "\nTAJO_STATE_RANKS='" << ranks << "'\n";
  return out.str();
}

}  // namespace tajo::host

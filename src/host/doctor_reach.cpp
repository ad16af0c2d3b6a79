#include "doctor_reach.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "doctor_hosts.hpp"
#include "doctor_process.hpp"

namespace tajo::host {

std::vector<std::string> launch_agent() {
  const char* given = std::getenv("TAJO_LAUNCH_AGENT");
  if (given == nullptr && std::getenv("SLURM_JOB_ID") != nullptr) return {};
  std::stringstream text(given == nullptr ? "ssh -o BatchMode=yes -o ConnectTimeout=1" : given);
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

std::vector<Silent> silent_hosts(const std::vector<std::string>& agent, const std::vector<std::string>& hosts, Micros limit_us) {
  char own[256] = {};
  ::gethostname(own, sizeof own - 1);
  std::vector<std::string> others;
  for (const std::string& host : hosts)
    if (!same_host(host, own) && others.size() < kMaxReached) others.push_back(host);
  std::vector<Output> answers(others.size());
  if (!agent.empty()) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < others.size(); ++i)
      threads.emplace_back([&, i] {
        std::vector<std::string> command = agent;
        command.insert(command.end(), {others[i], "true"});
        answers[i] = run_program(command, limit_us, {});
      });
  }
  std::vector<Silent> silent;
  for (std::size_t i = 0; i < answers.size() && !agent.empty(); ++i)
    if (answers[i].status != 0) silent.push_back({others[i], answers[i].text.substr(0, answers[i].text.find('\n'))});
  return silent;
}

}  // namespace tajo::host

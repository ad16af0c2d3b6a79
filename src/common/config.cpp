#include "tajo/common/config.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <pugixml.hpp>
#include <sstream>
#include <utility>

#include "tajo/common/error.hpp"

namespace tajo {
namespace {

constexpr int kPortStep = 100;  ///< between masters on one host: 26002, 26102, …

const ConfigKey* find_key(const std::string& name) {
  const ConfigKey* family = nullptr;
  for (const ConfigKey& key : config_keys()) {
    std::string_view pattern = key.name;
    if (name == pattern) return &key;
    if (pattern.ends_with(".*") && name.starts_with(pattern.substr(0, pattern.size() - 1))) family = &key;
  }
  return family;
}

/// Levenshtein distance, for "did you mean".
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t next = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = std::exchange(row[j], next);
    }
  }
  return row[b.size()];
}

std::string nearest_key(const std::string& name) {
  std::string best;
  std::size_t least = ~std::size_t{0};
  for (const ConfigKey& key : config_keys()) {
    if (std::string_view(key.name).ends_with("*")) continue;
    if (std::size_t d = distance(name, key.name); d < least) {
      least = d;
      best = key.name;
    }
  }
  return best;
}

[[noreturn]] void bad_value(const std::string& file, const std::string& key, const std::string& value, const std::string& expected) {
  throw Error(sqlstate::kInvalidParameter, file + ": " + key + " = \"" + value + "\" is not " + expected);
}

bool parse_integer(const std::string& text, long& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse_port(const std::string& text, int& out) {
  long port = 0;
  if (!parse_integer(text, port) || port < 1 || port > 65535) return false;
  out = static_cast<int>(port);
  return true;
}

void check_value(const std::string& file, const ConfigKey& key, const std::string& value) {
  long number = 0;
  int port = 0;
  switch (key.kind) {
    case ConfigKey::Kind::kInteger:
      if (!parse_integer(value, number)) bad_value(file, key.name, value, "a whole number");
      if (number < key.min) bad_value(file, key.name, value, "at least " + std::to_string(key.min));
      break;
    case ConfigKey::Kind::kBoolean:
      if (value != "true" && value != "false") bad_value(file, key.name, value, "true or false");
      break;
    case ConfigKey::Kind::kAddress: {
      auto colon = value.rfind(':');
      if (colon == std::string::npos || colon == 0 || !parse_port(value.substr(colon + 1), port)) bad_value(file, key.name, value, "host:port");
      break;
    }
    case ConfigKey::Kind::kPath: {
      std::string path = value.starts_with("file://") ? value.substr(7) : value;
      if (path.find("://") != std::string::npos) bad_value(file, key.name, value, "a path of a mounted filesystem (file:///…)");
      if (!path.empty() && path[0] != '/' && path[0] != '$') bad_value(file, key.name, value, "an absolute path");
      break;
    }
    case ConfigKey::Kind::kText: break;
  }
}

/// Lines without blanks at the ends and without comments; with their numbers.
std::vector<std::pair<int, std::string>> lines_of(const std::string& file) {
  std::vector<std::pair<int, std::string>> out;
  std::ifstream in(file);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (auto hash = line.find('#'); hash != std::string::npos) line.resize(hash);
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.pop_back();
    line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.empty()) out.emplace_back(number, line);
  }
  return out;
}

std::string strip_scheme(std::string value) {
  if (value.starts_with("file://")) value.erase(0, 7);
  while (value.size() > 1 && value.back() == '/') value.pop_back();
  return value;
}

}  // namespace

std::string user_name() {
  if (const passwd* entry = ::getpwuid(::getuid())) return entry->pw_name;
  return std::to_string(::getuid());
}

std::string Config::expand(std::string value) const {
  for (int depth = 0; depth < 8; ++depth) {
    auto open = value.find("${");
    auto close = value.find('}', open == std::string::npos ? 0 : open);
    if (open == std::string::npos || close == std::string::npos) return value;
    std::string name = value.substr(open + 2, close - open - 2);
    std::string with;
    if (name == "user.name") with = user_name();
    else if (find_key(name) != nullptr) with = strip_scheme(text(name));
    else if (const char* environment = std::getenv(name.c_str())) with = environment;
    value.replace(open, close - open + 1, with);
  }
  return value;
}

Config Config::load(const std::string& directory) {
  namespace fs = std::filesystem;
  Config config;
  config.directory_ = directory;
  if (!fs::is_directory(directory)) throw Error("58P01", "configuration directory \"" + directory + "\" does not exist");
  const std::string site = directory + "/tajo-site.xml";
  if (fs::exists(site)) {
    pugi::xml_document document;
    pugi::xml_parse_result parsed = document.load_file(site.c_str());
    if (!parsed) throw Error(sqlstate::kInvalidParameter, site + ": " + parsed.description() + " at byte " + std::to_string(parsed.offset));
    for (const pugi::xml_node& property : document.child("configuration").children("property")) {
      std::string name = property.child_value("name");
      std::string value = property.child_value("value");
      const ConfigKey* key = find_key(name);
      if (key == nullptr) {
        if (name.starts_with("tajo.")) throw Error(sqlstate::kInvalidParameter, site + ": unknown key " + name + "; did you mean " + nearest_key(name) + "?");
        config.warnings_.push_back(site + ": key " + name + " has no meaning here");
        continue;
      }
      if (key->used) check_value(site, *key, value);
      else config.warnings_.push_back(site + ": key " + name + " has no meaning here and is ignored");
      config.values_[name] = value;
    }
  }
  auto [client_host, client_port] = config.address("tajo.master.client-rpc.address");
  const int http_port = config.address("tajo.master.info-http.address").second;
  const std::string masters_file = directory + "/masters";
  std::map<std::string, int> seen;
  auto lines = lines_of(masters_file);
  if (lines.empty()) lines = {{0, "localhost"}};
  for (const auto& [number, line] : lines) {
    std::stringstream parts(line);
    std::string field;
    MasterLine master;
    master.number = number;
    std::getline(parts, master.host, ':');
    const std::string where = masters_file + ":" + std::to_string(number);
    if (master.host.empty() || master.host.find(' ') != std::string::npos) throw Error(sqlstate::kInvalidParameter, where + ": \"" + line + "\" is not host[:client-port[:http-port]]");
    if (std::getline(parts, field, ':') && !parse_port(field, master.client_port)) bad_value(where, "client port", field, "a port");
    if (std::getline(parts, field, ':') && !parse_port(field, master.http_port)) bad_value(where, "http port", field, "a port");
    int nth = seen[master.host]++;
    master.own_client_port = master.client_port != 0;
    master.own_http_port = master.http_port != 0;
    if (master.client_port == 0) master.client_port = client_port + nth * kPortStep;
    if (master.http_port == 0) master.http_port = http_port + nth * kPortStep;
    config.masters_.push_back(master);
  }
  const std::string workers_file = directory + "/workers";
  lines = lines_of(workers_file);
  if (lines.empty()) lines = {{0, "localhost"}};
  for (const auto& [number, line] : lines) {
    std::stringstream words(line);
    WorkerLine worker;
    worker.number = number;
    std::string word;
    words >> worker.host;
    const std::string where = workers_file + ":" + std::to_string(number);
    while (words >> word) {
      long slots = 0;
      if (!word.starts_with("slots=") || !parse_integer(word.substr(6), slots) || slots < 1 || slots > 1024)
        throw Error(sqlstate::kInvalidParameter, where + ": \"" + word + "\" is not slots=N");
      worker.slots = static_cast<int>(slots);
    }
    config.workers_.push_back(worker);
  }
  if (!config.ha() && config.masters_.size() > 1)
    throw Error(sqlstate::kInvalidParameter, site + ": tajo.master.ha.enable is false, but " + masters_file + " names " + std::to_string(config.masters_.size()) + " masters");
  return config;
}

Config Config::on_hosts(const std::vector<std::string>& hosts) const {
  auto elsewhere = [&](const auto& line) { return std::find(hosts.begin(), hosts.end(), line.host) == hosts.end(); };
  Config config = *this;
  std::erase_if(config.masters_, elsewhere);
  std::erase_if(config.workers_, elsewhere);
  if (hosts.empty()) throw Error(sqlstate::kInvalidParameter, "no host is left to run on");
  if (config.masters_.empty()) {
    config.masters_.push_back(masters_.front());
    config.masters_.front().host = hosts.front();
  }
  if (config.workers_.empty())
    for (const MasterLine& master : config.masters_)
      if (config.workers_.empty() || config.workers_.back().host != master.host) config.workers_.push_back({master.host, 1});
  return config;
}

Config Config::with_workers(int count) const {
  Config config = *this;
  for (WorkerLine& line : config.workers_) line.slots = 0;
  for (int i = 0; i < count; ++i) ++config.workers_[static_cast<std::size_t>(i) % config.workers_.size()].slots;
  std::erase_if(config.workers_, [](const WorkerLine& line) { return line.slots == 0; });
  return config;
}

std::vector<WorkerLine> Config::spare_lines() const {
  std::vector<WorkerLine> lines;
  for (const WorkerLine& worker : workers_)
    if (std::none_of(lines.begin(), lines.end(), [&](const WorkerLine& line) { return line.host == worker.host; })) lines.push_back({worker.host, 0});
  std::reverse(lines.begin(), lines.end());
  for (int i = 0; i < spares(); ++i) ++lines[static_cast<std::size_t>(i) % lines.size()].slots;
  std::erase_if(lines, [](const WorkerLine& line) { return line.slots == 0; });
  return lines;
}

std::vector<std::string> Config::hosts() const {
  std::vector<std::string> names;
  auto add = [&](const std::string& host) {
    if (std::find(names.begin(), names.end(), host) == names.end()) names.push_back(host);
  };
  for (const MasterLine& master : masters_) add(master.host);
  for (const WorkerLine& worker : workers_) add(worker.host);
  return names;
}

std::string Config::text(const std::string& key) const {
  auto it = values_.find(key);
  if (it != values_.end()) return expand(it->second);
  const ConfigKey* known = find_key(key);
  TAJO_ASSERT(known != nullptr);
  return expand(known->value);
}

std::string Config::path(const std::string& key) const { return strip_scheme(text(key)); }

long Config::integer(const std::string& key) const {
  long value = 0;
  parse_integer(text(key), value);
  return value;
}

bool Config::boolean(const std::string& key) const { return text(key) == "true"; }

std::pair<std::string, int> Config::address(const std::string& key) const {
  std::string value = text(key);
  auto colon = value.rfind(':');
  int port = 0;
  parse_port(value.substr(colon + 1), port);
  return {value.substr(0, colon), port};
}

int Config::worker_count() const {
  int count = 0;
  for (const WorkerLine& worker : workers_) count += worker.slots;
  return count;
}

bool Config::ha() const { return is_set("tajo.master.ha.enable") ? boolean("tajo.master.ha.enable") : masters_.size() > 1; }

bool Config::is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

bool Config::is_any_address(const std::string& host) { return host == "*" || host == "0.0.0.0" || host == "::"; }

std::string Config::pid_directory() const {
  if (const char* directory = std::getenv("TAJO_PID_DIR"); directory != nullptr && *directory != '\0') return directory;
  return "/tmp/tajo-" + user_name() + "-run";
}

std::string Config::log_directory() const {
  if (const char* directory = std::getenv("TAJO_LOG_DIR"); directory != nullptr && *directory != '\0') return directory;
  return rootdir() + "/logs";
}

RankRoles assign_ranks(const Config& config, const std::vector<std::string>& hosts) {
  RankRoles roles;
  std::vector<bool> taken(hosts.size(), false);
  auto take = [&](const std::string& host, const std::string& file) {
    for (std::size_t rank = 0; rank < hosts.size(); ++rank) {
      const bool here = host == "localhost" || host == "127.0.0.1" || host == hosts[rank] || hosts[rank].starts_with(host + ".");
      if (taken[rank] || !here) continue;
      taken[rank] = true;
      return static_cast<int>(rank);
    }
    throw Error("58000", file + ": no rank of this world is left on host " + host);
  };
  for (const MasterLine& master : config.masters()) roles.masters.push_back(take(master.host, config.directory() + "/masters"));
  for (const WorkerLine& worker : config.workers())
    for (int i = 0; i < worker.slots; ++i) roles.workers.push_back(take(worker.host, config.directory() + "/workers"));
  for (std::size_t rank = 0; rank < hosts.size(); ++rank)
    if (!taken[rank]) roles.spares.push_back(static_cast<int>(rank));
  return roles;
}

}  // namespace tajo

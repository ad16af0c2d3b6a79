#include "host_list.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "tajo/common/config.hpp"
#include "tajo/common/error.hpp"

namespace tajo::client {
namespace {

constexpr std::size_t kMaxHosts = 64;
constexpr std::string_view kSocketPrefix = ".s.PGSQL.";

int parse_port(std::string_view text) {
  int port = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535)
    throw Error(sqlstate::kInvalidParameter, "invalid port number: \"" + std::string(text) + "\"");
  return port;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (start <= text.size()) {
    std::size_t comma = std::min(text.find(',', start), text.size());
    parts.push_back(text.substr(start, comma - start));
    start = comma + 1;
  }
  return parts;
}

}  // namespace

std::string HostAddress::text() const {
  if (host.starts_with("/")) return host + "/" + std::string(kSocketPrefix) + std::to_string(port);
  return (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::vector<HostAddress> parse_hosts(const std::string& hosts, const std::string& ports) {
  std::vector<int> numbers;
  if (!ports.empty())
    for (const std::string& port : split(ports)) numbers.push_back(parse_port(port));
  std::vector<HostAddress> list;
  std::vector<std::string> names = split(hosts);
  if (names.size() == 1) names.resize(std::max<std::size_t>(1, numbers.size()), names[0]);  // several masters on one host
  if (names.size() < numbers.size()) throw Error(sqlstate::kInvalidParameter, "fewer hosts than ports");
  for (std::string host : names) {
    if (host.empty()) throw Error(sqlstate::kInvalidParameter, "empty name in host list \"" + hosts + "\"");
    HostAddress address;
    if (numbers.size() == 1) address.port = numbers[0];
    if (numbers.size() > 1) {
      if (list.size() >= numbers.size()) throw Error(sqlstate::kInvalidParameter, "fewer ports than hosts");
      address.port = numbers[list.size()];
    }
    std::size_t colon = host.rfind(':');
    if (host[0] == '[') {
      std::size_t close = host.find(']');
      if (close == std::string::npos) throw Error(sqlstate::kInvalidParameter, "missing ] in host \"" + host + "\"");
      if (close + 1 < host.size() && host[close + 1] == ':') address.port = parse_port(std::string_view(host).substr(close + 2));
      host = host.substr(1, close - 1);
    } else if (host[0] != '/' && colon != std::string::npos && host.find(':') == colon) {
      address.port = parse_port(std::string_view(host).substr(colon + 1));
      host.resize(colon);
    }
    address.host = host;
    list.push_back(std::move(address));
    if (list.size() > kMaxHosts) throw Error(sqlstate::kInvalidParameter, "more than " + std::to_string(kMaxHosts) + " hosts");
  }
  return list;
}

std::vector<HostAddress> default_hosts(const std::string& ports) {
  int wanted = ports.empty() ? kDefaultPort : parse_port(split(ports)[0]);
  std::string directory = Config().pid_directory();
  std::vector<HostAddress> list;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(directory, failure)) {
    std::string name = entry.path().filename();
    if (!name.starts_with(kSocketPrefix) || list.size() >= kMaxHosts) continue;
    int port = 0;
    std::from_chars(name.data() + kSocketPrefix.size(), name.data() + name.size(), port);
    if (port > 0 && std::to_string(port) == name.substr(kSocketPrefix.size())) list.push_back({directory, port});
  }
  std::ranges::sort(list, {}, [&](const HostAddress& a) { return std::pair(a.port != wanted, a.port); });
  if (list.empty()) list = {{"localhost", wanted}};
  return list;
}

}  // namespace tajo::client

#include "doctor_finding.hpp"

#include <array>
#include <cstdio>

namespace tajo::host {
namespace {

constexpr std::string_view kMark = "@doctor";
constexpr char kSeparator = '\x1f';

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == kSeparator) c = ' ';
  return text;
}

}  // namespace

std::string encode(const Finding& f) {
  std::string out(kMark);
  for (const std::string& field : {std::string(1, static_cast<char>(f.grade)), f.host, f.subject, f.text, f.remedy})
    out += kSeparator + one_line(field);
  return out;
}

std::optional<Finding> decode_finding(const std::string& line) {
  std::array<std::string, 6> fields;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::size_t end = line.find(kSeparator, begin);
    const bool last = i + 1 == fields.size();
    if (last != (end == std::string::npos)) return std::nullopt;
    fields[i] = line.substr(begin, last ? end : end - begin);
    begin = end + 1;
  }
  if (fields[0] != kMark || fields[1].size() != 1) return std::nullopt;
  const auto grade = static_cast<Grade>(fields[1][0]);
  if (grade != Grade::kOk && grade != Grade::kWarning && grade != Grade::kError) return std::nullopt;
  return Finding{grade, fields[2], fields[3], fields[4], fields[5]};
}

std::string shown(const Finding& f) {
  const char* word = f.grade == Grade::kOk ? "ok" : f.grade == Grade::kWarning ? "warning" : "ERROR";
  char head[160];
  std::snprintf(head, sizeof head, "%-8s %-12s %-13s ", word, f.host.c_str(), f.subject.c_str());
  std::string out = head + f.text + "\n";
  if (!f.remedy.empty()) out += std::string(36, ' ') + "-> " + f.remedy + "\n";
  return out;
}

}  // namespace tajo::host

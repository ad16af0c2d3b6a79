#pragma once
#include <optional>
#include <string>
#include <vector>

namespace tajo::host {

enum class Grade : char { kOk = 'o', kWarning = 'w', kError = 'e' };

/// One line of `tajo doctor`.
struct Finding {
  Grade grade = Grade::kOk;
  std::string host;
  std::string subject;
  std::string text;
  std::string remedy;  ///< of everything that is not kOk
};

/// A finding as one line between the ranks of the doctor and the doctor, and back; empty when it is no such line.
std::string encode(const Finding& finding);
std::optional<Finding> decode_finding(const std::string& line);

/// As people read it, one or two lines.
std::string shown(const Finding& finding);

}  // namespace tajo::host

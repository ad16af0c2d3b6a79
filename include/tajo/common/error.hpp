#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

namespace tajo {

/// What ends a statement or a task: a SQLSTATE, a message as PostgreSQL would word it, and where it applies.
/// Thrown anywhere, caught at the statement, the task and the message loop. Expected outcomes (peer lost, epoch
/// superseded, would block) are plain values, never an Error.
class Error : public std::runtime_error {
 public:
  Error(std::string_view sqlstate, const std::string& message) : std::runtime_error(message), sqlstate_(sqlstate) {}

  /// 1-based character offset in the statement text; 0 = unknown.
  Error& at(int position) { position_ = position; return *this; }
  Error& hint(std::string text) { hint_ = std::move(text); return *this; }
  Error& detail(std::string text) { detail_ = std::move(text); return *this; }

  const std::string& sqlstate() const { return sqlstate_; }
  std::string message() const { return what(); }
  int position() const { return position_; }
  const std::string& hint() const { return hint_; }
  const std::string& detail() const { return detail_; }

 private:
  std::string sqlstate_;
  std::string hint_;
  std::string detail_;
  int position_ = 0;
};

/// SQLSTATEs that more than one room raises; others stand where they are raised.
namespace sqlstate {
inline constexpr std::string_view kSyntaxError = "42601";
inline constexpr std::string_view kUndefinedTable = "42P01";
inline constexpr std::string_view kUndefinedColumn = "42703";
inline constexpr std::string_view kUndefinedFunction = "42883";
inline constexpr std::string_view kFeatureNotSupported = "0A000";
inline constexpr std::string_view kNumericOutOfRange = "22003";
inline constexpr std::string_view kDivisionByZero = "22012";
inline constexpr std::string_view kInvalidText = "22P02";
inline constexpr std::string_view kInvalidDatetime = "22007";
inline constexpr std::string_view kDataCorrupted = "XX001";
inline constexpr std::string_view kInternalError = "XX000";
inline constexpr std::string_view kIoError = "58030";
inline constexpr std::string_view kDiskFull = "53100";
inline constexpr std::string_view kOutOfMemory = "53200";
inline constexpr std::string_view kTooManyConnections = "53300";
inline constexpr std::string_view kStatementTooComplex = "54001";
inline constexpr std::string_view kQueryCanceled = "57014";
inline constexpr std::string_view kOutcomeUnknown = "08007";
inline constexpr std::string_view kProtocolViolation = "08P01";
inline constexpr std::string_view kInvalidParameter = "22023";
}  // namespace sqlstate

/// Prints the failed condition and aborts; stays on in release: a broken invariant must not reach the log.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace tajo

#define TAJO_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::tajo::assertion_failed(#condition, __FILE__, __LINE__))

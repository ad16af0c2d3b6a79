#pragma once
#include <string>
#include <string_view>

namespace tajo {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };

/// One line to stderr and, once open_log_file was called, to the rank's log file: time, level, rank, room, text.
/// Any thread.
void log_line(LogLevel level, std::string_view room, const std::string& text);
/// `TAJO_LOG_DIR/tajo-<user>-<role>-<host>.log`, 5 rotations by size. Throws Error 58030 when it cannot be written.
void open_log_file(const std::string& path);
void set_log_rank(int rank);
/// Errors go to stderr too, unless it has become the log file itself.
void set_log_stderr(bool on);
void set_log_level(LogLevel level);

inline void log_debug(std::string_view room, const std::string& text) { log_line(LogLevel::kDebug, room, text); }
inline void log_info(std::string_view room, const std::string& text) { log_line(LogLevel::kInfo, room, text); }
inline void log_warn(std::string_view room, const std::string& text) { log_line(LogLevel::kWarn, room, text); }
inline void log_error(std::string_view room, const std::string& text) { log_line(LogLevel::kError, room, text); }

}  // namespace tajo

#include "tajo/common/log.hpp"

#include <atomic>
#include <cstdio>
#include <ctime>
#include <mutex>

#include "tajo/common/clock.hpp"
#include "tajo/common/error.hpp"

namespace tajo {
namespace {

constexpr long kMaxLogFileBytes = 64L << 20;
constexpr int kLogRotations = 5;

std::mutex mutex;
std::FILE* file = nullptr;
std::string file_path;
std::atomic<int> rank{-1};
std::atomic<bool> errors_to_stderr{true};
std::atomic<LogLevel> threshold{LogLevel::kInfo};

void rotate() {
  std::fclose(file);
  for (int i = kLogRotations - 1; i >= 1; --i)
    std::rename((file_path + "." + std::to_string(i)).c_str(), (file_path + "." + std::to_string(i + 1)).c_str());
  std::rename(file_path.c_str(), (file_path + ".1").c_str());
  file = std::fopen(file_path.c_str(), "ae");
}

}  // namespace

void log_line(LogLevel level, std::string_view room, const std::string& text) {
  if (level < threshold.load(std::memory_order_relaxed)) return;
  static constexpr const char* kNames[] = {"DEBUG", "INFO", "WARN", "ERROR"};
  Micros now = wall_us();
  std::time_t seconds = now / 1'000'000;
  std::tm tm{};
  localtime_r(&seconds, &tm);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &tm);
  std::lock_guard lock(mutex);
  for (std::FILE* out : {file, file == nullptr || (level >= LogLevel::kError && errors_to_stderr) ? stderr : nullptr}) {
    if (out == nullptr) continue;
    std::fprintf(out, "%s.%03d %-5s [%d] %.*s: %s\n", stamp, static_cast<int>(now / 1000 % 1000),
                 kNames[static_cast<int>(level)], rank.load(), static_cast<int>(room.size()), room.data(), text.c_str());
    std::fflush(out);
  }
  if (file != nullptr && std::ftell(file) > kMaxLogFileBytes) rotate();
}

void open_log_file(const std::string& path) {
  std::lock_guard lock(mutex);
  std::FILE* opened = std::fopen(path.c_str(), "ae");
  if (opened == nullptr) throw Error(sqlstate::kIoError, "cannot write log file " + path);
  if (file != nullptr) std::fclose(file);
  file = opened;
  file_path = path;
}

void set_log_stderr(bool on) { errors_to_stderr = on; }
void set_log_rank(int value) { rank = value; }
void set_log_level(LogLevel level) { threshold = level; }

}  // namespace tajo

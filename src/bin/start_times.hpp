#pragma once
#include <string>

#include "tajo/common/clock.hpp"

namespace tajo {

/// How long the parts of a rank's start took, for one line of its log. One thread at a time.
class StartTimes {
 public:
  /// `part` ends now; it began where the part before it ended.
  void ended(const std::string& part) {
    const Micros now = boottime_us();
    text_ += (text_.empty() ? "" : ", ") + part + " " + std::to_string((now - last_) / 1000);
    last_ = now;
  }
  std::string text() const { return "stands " + std::to_string((last_ - begun_) / 1000) + " ms after its process began (" + text_ + ")"; }

 private:
  const Micros begun_ = boottime_us();
  Micros last_ = begun_;
  std::string text_;
};

}  // namespace tajo

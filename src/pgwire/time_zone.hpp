#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tajo::pgwire {

/// A zone of the system's tz database (TZif files) or a fixed offset (`+05:30`, `<+0530>-05:30`). Immutable.
class TimeZone {
 public:
  /// nullptr when there is no such zone.
  static std::shared_ptr<const TimeZone> find(std::string_view name);
  static std::shared_ptr<const TimeZone> utc();
  std::int32_t offset_seconds(std::int64_t utc_seconds) const;  ///< east of Greenwich

 private:
  std::vector<std::int64_t> at_;         ///< ascending instants at which offsets begin
  std::vector<std::int32_t> offset_;     ///< same length
  std::int32_t before_ = 0;              ///< offset before the first
  static std::shared_ptr<const TimeZone> parse(std::string_view file);
};

}  // namespace tajo::pgwire

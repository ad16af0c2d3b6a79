#include "time_zone.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

namespace tajo::pgwire {
namespace {

constexpr std::size_t kMaxZoneFileBytes = 1 << 20;
constexpr std::int64_t kDay = 86'400;

std::uint32_t big_u32(const char* p) {
  std::uint32_t v;
  std::memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}
std::int64_t big_i64(const char* p) {
  std::uint64_t v;
  std::memcpy(&v, p, 8);
  return static_cast<std::int64_t>(__builtin_bswap64(v));
}

/// `5`, `+05`, `-05:30`, `+0530`: hours and minutes.
std::optional<std::int32_t> parse_offset(std::string_view s) {
  int sign = 1;
  if (!s.empty() && (s[0] == '+' || s[0] == '-')) {
    sign = s[0] == '-' ? -1 : 1;
    s.remove_prefix(1);
  }
  std::string digits;
  std::size_t colon = s.find(':');
  for (char c : s) {
    if (c == ':') continue;
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return std::nullopt;
    digits.push_back(c);
  }
  if (digits.empty() || digits.size() > 4) return std::nullopt;
  if (digits.size() <= 2 && colon != std::string_view::npos) return std::nullopt;
  int number = std::atoi(digits.c_str());
  int hours = digits.size() <= 2 ? number : number / 100;
  int minutes = digits.size() <= 2 ? 0 : number % 100;
  if (hours > 15 || minutes > 59) return std::nullopt;
  return sign * (hours * 3600 + minutes * 60);
}

/// After the last rule in the file (2037) the calendar repeats: a year of the same shape with rules known.
std::int64_t same_shape_instant(std::int64_t utc_seconds) {
  using namespace std::chrono;
  sys_days day{floor<days>(sys_seconds{seconds{utc_seconds}})};
  year_month_day date{day};
  auto first = [](year y) { return sys_days{y / January / 1}; };
  for (int y = 2009; y <= 2036; ++y) {
    year other{y};
    if (other.is_leap() == date.year().is_leap() && weekday{first(other)} == weekday{first(date.year())})
      return utc_seconds + (first(other) - first(date.year())).count() * kDay;
  }
  return utc_seconds;
}

}  // namespace

std::shared_ptr<const TimeZone> TimeZone::utc() {
  static const auto zone = std::make_shared<const TimeZone>();
  return zone;
}

std::shared_ptr<const TimeZone> TimeZone::parse(std::string_view file) {
  constexpr std::size_t kHeader = 44;
  if (file.size() < kHeader || file.substr(0, 4) != "TZif" || file[4] < '2') return nullptr;
  auto counts = [&](std::size_t at, int i) { return static_cast<std::size_t>(big_u32(file.data() + at + 20 + 4 * i)); };
  // order in the header: isut, isstd, leap, time, type, char; the first part has 4-byte times, the second 8-byte ones
  std::size_t second = kHeader + counts(0, 3) * 5 + counts(0, 4) * 6 + counts(0, 5) + counts(0, 2) * 8 + counts(0, 1) + counts(0, 0);
  if (second + kHeader > file.size()) return nullptr;
  std::size_t times = counts(second, 3), types = counts(second, 4);
  std::size_t at = second + kHeader;
  if (types == 0 || at + times * 9 + types * 6 > file.size()) return nullptr;
  const char* instants = file.data() + at;
  const char* kinds = instants + times * 8;
  const char* infos = kinds + times;
  auto zone = std::make_shared<TimeZone>();
  zone->before_ = static_cast<std::int32_t>(big_u32(infos));
  for (std::size_t i = 0; i < times; ++i) {
    auto kind = static_cast<unsigned char>(kinds[i]);
    if (kind >= types) return nullptr;
    zone->at_.push_back(big_i64(instants + 8 * i));
    zone->offset_.push_back(static_cast<std::int32_t>(big_u32(infos + 6 * kind)));
  }
  return zone;
}

std::shared_ptr<const TimeZone> TimeZone::find(std::string_view name) {
  std::string folded(name);
  std::ranges::transform(folded, folded.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  if (folded == "UTC" || folded == "GMT" || folded == "Z" || folded == "ETC/UTC") return utc();
  if (auto fixed = parse_offset(name)) {
    auto zone = std::make_shared<TimeZone>();
    zone->before_ = *fixed;
    return zone;
  }
  // `<+0530>-05:30`: POSIX counts west of Greenwich
  if (std::size_t close = name.find('>'); name.starts_with("<") && close != std::string_view::npos) {
    auto west = parse_offset(name.substr(close + 1));
    if (!west) return nullptr;
    auto zone = std::make_shared<TimeZone>();
    zone->before_ = -*west;
    return zone;
  }
  if (name.empty() || name[0] == '/' || name[0] == '.' || name.find("..") != std::string_view::npos) return nullptr;
  for (char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && std::strchr("_+-/", c) == nullptr) return nullptr;
  std::ifstream in("/usr/share/zoneinfo/" + std::string(name), std::ios::binary);
  if (!in) return nullptr;
  std::string file(kMaxZoneFileBytes, '\0');
  in.read(file.data(), static_cast<std::streamsize>(file.size()));
  file.resize(static_cast<std::size_t>(in.gcount()));
  return parse(file);
}

std::int32_t TimeZone::offset_seconds(std::int64_t utc_seconds) const {
  if (at_.empty()) return before_;
  if (utc_seconds >= at_.back()) {
    std::int64_t known = same_shape_instant(utc_seconds);
    utc_seconds = known < at_.back() && at_.back() > 2'082'758'400 ? known : utc_seconds;  // rules up to 2036 at least
  }
  auto next = std::ranges::upper_bound(at_, utc_seconds);
  return next == at_.begin() ? before_ : offset_[static_cast<std::size_t>(next - at_.begin() - 1)];
}

}  // namespace tajo::pgwire

#include "value_text.hpp"

#include <vector>

#include "message.hpp"
#include "tajo/data/text.hpp"

namespace tajo::pgwire {
namespace {

constexpr std::string_view kBeforeChrist = " BC";

void put_two_digits(std::string& out, std::int32_t value) {
  if (value < 10) out.push_back('0');
  data::append_integer(out, value);
}

}  // namespace

void put_timestamptz_text(std::string& out, std::int64_t micros, const TimeZone& zone) {
  std::int64_t seconds = micros / 1'000'000 - (micros % 1'000'000 < 0 ? 1 : 0);
  std::int32_t offset = zone.offset_seconds(seconds);
  data::append_timestamp(out, micros + std::int64_t{offset} * 1'000'000, false);
  bool before_christ = out.ends_with(kBeforeChrist);  // PostgreSQL writes it behind the offset
  if (before_christ) out.resize(out.size() - kBeforeChrist.size());
  out.push_back(offset < 0 ? '-' : '+');
  std::int32_t size = offset < 0 ? -offset : offset;
  put_two_digits(out, size / 3600);
  if (size % 3600 != 0) {
    out.push_back(':');
    put_two_digits(out, size / 60 % 60);
  }
  if (size % 60 != 0) {
    out.push_back(':');
    put_two_digits(out, size % 60);
  }
  if (before_christ) out += kBeforeChrist;
}

void put_decimal_binary(std::string& out, __int128 scaled, int scale) {
  constexpr int kGroup = 4;  // decimal digits in one base-10000 digit
  bool negative = scaled < 0;
  std::string digits;
  data::append_decimal(digits, scaled, 0);
  if (negative) digits.erase(0, 1);
  auto fraction = static_cast<std::size_t>(scale);
  if (digits.size() < fraction) digits.insert(0, fraction - digits.size(), '0');
  std::size_t whole = digits.size() - fraction;
  std::size_t lead = (kGroup - whole % kGroup) % kGroup;
  digits.insert(0, lead, '0');
  digits.append((kGroup - fraction % kGroup) % kGroup, '0');
  int weight = static_cast<int>((whole + lead) / kGroup) - 1;
  std::vector<int> groups;
  for (std::size_t i = 0; i < digits.size(); i += kGroup)
    groups.push_back((digits[i] - '0') * 1000 + (digits[i + 1] - '0') * 100 + (digits[i + 2] - '0') * 10 + digits[i + 3] - '0');
  std::size_t first = 0;
  while (first < groups.size() && groups[first] == 0) {
    ++first;
    --weight;
  }
  while (groups.size() > first && groups.back() == 0) groups.pop_back();
  if (groups.size() == first) weight = 0;
  put_i16(out, static_cast<int>(groups.size() - first));
  put_i16(out, weight);
  put_i16(out, negative ? 0x4000 : 0);
  put_i16(out, scale);
  for (std::size_t i = first; i < groups.size(); ++i) put_i16(out, groups[i]);
}

}  // namespace tajo::pgwire

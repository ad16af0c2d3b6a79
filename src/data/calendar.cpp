#include "tajo/data/value.hpp"

namespace tajo::data {

// 400 Gregorian years ("an era") have 146,097 days; years are counted from March so that the leap day ends a year.
std::int32_t days_from_civil(int year, unsigned month, unsigned day) {
  const std::int64_t y = static_cast<std::int64_t>(year) - (month <= 2 ? 1 : 0);
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const auto year_of_era = static_cast<std::int64_t>(y - era * 400);
  const std::int64_t shifted_month = month > 2 ? month - 3 : month + 9;
  const std::int64_t day_of_year = (153 * shifted_month + 2) / 5 + static_cast<std::int64_t>(day) - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return static_cast<std::int32_t>(era * 146097 + day_of_era - 719468);
}

void civil_from_days(std::int32_t days, int& year, unsigned& month, unsigned& day) {
  // Within some 20,000 years of today: 32-bit arithmetic with multiplications for divisions (Neri & Schneider,
  // "Euclidean affine functions and their application to calendar algorithms", 2023).
  if (days > -7'000'000 && days < 7'000'000) {
    constexpr std::uint32_t kEras = 50;  // of 400 years, so that all is positive
    const std::uint32_t n = 4 * (static_cast<std::uint32_t>(days) + 719468U + 146097U * kEras) + 3;
    const std::uint32_t century = n / 146097;
    const std::uint32_t in_century = n % 146097 / 4 * 4 + 3;
    const std::uint64_t scaled = std::uint64_t{2939745} * in_century;
    const auto year_of_century = static_cast<std::uint32_t>(scaled >> 32);
    const std::uint32_t day_of_year = static_cast<std::uint32_t>(scaled) / 2939745 / 4;
    const std::uint32_t m = 2141 * day_of_year + 197913;
    const bool next_year = day_of_year >= 306;  // the year begins in March
    year = static_cast<int>(100 * century + year_of_century) - static_cast<int>(400 * kEras) + (next_year ? 1 : 0);
    month = (m >> 16) - (next_year ? 12 : 0);
    day = (m & 0xFFFF) / 2141 + 1;
    return;
  }
  const std::int64_t z = static_cast<std::int64_t>(days) + 719468;
  const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const std::int64_t day_of_era = z - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  day = static_cast<unsigned>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  month = static_cast<unsigned>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  year = static_cast<int>(year_of_era + era * 400 + (month <= 2 ? 1 : 0));
}

}  // namespace tajo::data

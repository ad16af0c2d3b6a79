// to_char, to_date, to_timestamp, to_number: PostgreSQL's template patterns.
#include <array>
#include <cmath>
#include <string>

#include "datetime_fields.hpp"
#include "registry.hpp"

namespace tajo::functions {

namespace {

using std::int32_t;
using std::int64_t;

constexpr std::array<std::string_view, 12> kMonths = {"January", "February", "March",     "April",   "May",      "June",
                                                      "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<std::string_view, 7> kDays = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 12> kRoman = {"I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"};

// Longest names first, so that a prefix never wins.
constexpr std::string_view kPatterns[] = {
    "Y,YYY", "SSSSS", "MONTH", "Month", "month", "HH24", "HH12", "IYYY", "YYYY", "SSSS", "IDDD", "A.M.", "P.M.", "a.m.",
    "p.m.",  "B.C.",  "A.D.",  "IYY",   "YYY",   "DDD",  "DAY",  "Day",  "day",  "MON",  "Mon",  "mon",  "FM",   "HH",
    "MI",    "SS",    "MS",    "US",    "AM",    "PM",   "am",   "pm",   "BC",   "AD",   "IY",   "YY",   "IW",   "WW",
    "CC",    "MM",    "DD",    "DY",    "Dy",    "dy",   "ID",   "RM",   "rm",   "TZ",   "tz",   "TH",   "th",   "I",
    "Y",     "D",     "W",     "J",     "Q"};

struct Token {
  std::string_view pattern;  // empty: literal
  std::string literal;
  bool fill = true;          // not FM
};

std::vector<Token> tokens_of(std::string_view format) {
  std::vector<Token> out;
  bool fill = true;
  const auto literal = [&](char c) {
    if (out.empty() || !out.back().pattern.empty()) out.push_back({});
    out.back().literal += c;
  };
  for (std::size_t i = 0; i < format.size();) {
    if (format[i] == '"') {
      for (++i; i < format.size() && format[i] != '"'; ++i) literal(format[i]);
      ++i;
      continue;
    }
    std::string upper(format.substr(i, 5));
    std::string_view found;
    for (const std::string_view p : kPatterns) {
      const bool exact = format.substr(i).starts_with(p);
      if (exact) {
        found = p;
        break;
      }
    }
    if (found.empty()) {  // numeric patterns are known in small letters, too
      for (char& c : upper)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
      for (const std::string_view p : {std::string_view("YYYY"), std::string_view("HH24"), std::string_view("HH12"),
                                       std::string_view("DDD"), std::string_view("YY"), std::string_view("HH"),
                                       std::string_view("MI"), std::string_view("SS"), std::string_view("MS"),
                                       std::string_view("US"), std::string_view("MM"), std::string_view("DD"),
                                       std::string_view("WW"), std::string_view("IW"), std::string_view("Q")})
        if (upper.starts_with(p)) {
          found = p;
          break;
        }
    }
    if (found.empty()) {
      literal(format[i++]);
      continue;
    }
    i += found.size();
    if (found == "FM") {
      fill = false;
      continue;
    }
    out.push_back({found, {}, fill});
    fill = true;
  }
  return out;
}

std::string in_case(std::string_view word, char first, char second) {
  std::string out(word);
  const bool up = first >= 'A' && first <= 'Z' && second >= 'A' && second <= 'Z';
  const bool low = first >= 'a';
  for (char& c : out) {
    if (up && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    if (low && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

struct Moment {
  int64_t us;
  int32_t days;
  int64_t time;
  int year, month, day;
};

std::string number(int64_t value, int width, bool fill) {
  std::string digits = std::to_string(value < 0 ? -value : value);
  if (fill && static_cast<int>(digits.size()) < width) digits.insert(0, static_cast<std::size_t>(width) - digits.size(), '0');
  return value < 0 ? "-" + digits : digits;
}

std::string padded(std::string text, std::size_t width, bool fill) {
  if (fill && text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string expand(const Token& t, const Moment& m) {
  const std::string_view p = t.pattern;
  const int64_t seconds = m.time / 1'000'000;
  const auto hour = static_cast<int>(seconds / 3600);
  const int shown = m.year > 0 ? m.year : 1 - m.year;
  const auto value = [&](Field f) { return static_cast<int64_t>(timestamp_field(f, m.us) / 1'000'000); };
  const auto last = [&](int year, int width) {
    int unit = 1;
    for (int k = 0; k < width; ++k) unit *= 10;
    return number(year % unit, width, t.fill);
  };
  if (p == "YYYY") return number(shown, 4, t.fill);
  if (p == "Y,YYY") return number(shown / 1000, 1, t.fill) + "," + number(shown % 1000, 3, true);
  if (p == "YYY") return last(shown, 3);
  if (p == "YY") return last(shown, 2);
  if (p == "Y") return last(shown, 1);
  const int iso_year = iso_week(m.days).year;
  if (p == "IYYY") return number(iso_year, 4, t.fill);
  if (p == "IYY") return last(iso_year, 3);
  if (p == "IY") return last(iso_year, 2);
  if (p == "I") return last(iso_year, 1);
  if (p == "MM") return number(m.month, 2, t.fill);
  if (p == "DD") return number(m.day, 2, t.fill);
  if (p == "HH24") return number(hour, 2, t.fill);
  if (p == "HH12" || p == "HH") return number(hour % 12 == 0 ? 12 : hour % 12, 2, t.fill);
  if (p == "MI") return number(seconds / 60 % 60, 2, t.fill);
  if (p == "SS") return number(seconds % 60, 2, t.fill);
  if (p == "MS") return number(m.time % 1'000'000 / 1000, 3, true);
  if (p == "US") return number(m.time % 1'000'000, 6, true);
  if (p == "SSSS" || p == "SSSSS") return number(seconds, 1, false);
  if (p == "AM" || p == "PM") return hour < 12 ? "AM" : "PM";
  if (p == "am" || p == "pm") return hour < 12 ? "am" : "pm";
  if (p == "A.M." || p == "P.M.") return hour < 12 ? "A.M." : "P.M.";
  if (p == "a.m." || p == "p.m.") return hour < 12 ? "a.m." : "p.m.";
  if (p == "BC" || p == "AD") return m.year > 0 ? "AD" : "BC";
  if (p == "B.C." || p == "A.D.") return m.year > 0 ? "A.D." : "B.C.";
  const auto month = static_cast<std::size_t>(m.month - 1);
  const auto weekday = static_cast<std::size_t>(iso_day_of_week(m.days) - 1);
  if (p == "MONTH" || p == "Month" || p == "month") return padded(in_case(kMonths[month], p[0], p[1]), 9, t.fill);
  if (p == "MON" || p == "Mon" || p == "mon") return in_case(kMonths[month].substr(0, 3), p[0], p[1]);
  if (p == "DAY" || p == "Day" || p == "day") return padded(in_case(kDays[weekday], p[0], p[1]), 9, t.fill);
  if (p == "DY" || p == "Dy" || p == "dy") return in_case(kDays[weekday].substr(0, 3), p[0], p[1]);
  if (p == "DDD") return number(value(Field::kDoy), 3, t.fill);
  if (p == "IDDD") return number((value(Field::kWeek) - 1) * 7 + value(Field::kIsoDow), 3, t.fill);
  if (p == "D") return number(value(Field::kDow) + 1, 1, t.fill);
  if (p == "ID") return number(value(Field::kIsoDow), 1, t.fill);
  if (p == "W") return number((m.day - 1) / 7 + 1, 1, t.fill);
  if (p == "WW") return number((value(Field::kDoy) - 1) / 7 + 1, 2, t.fill);
  if (p == "IW") return number(value(Field::kWeek), 2, t.fill);
  if (p == "CC") return number(value(Field::kCentury), 2, t.fill);
  if (p == "J") return number(int64_t{m.days} + 2'440'588, 1, t.fill);
  if (p == "Q") return number(value(Field::kQuarter), 1, t.fill);
  if (p == "RM" || p == "rm") return padded(in_case(kRoman[month], p[0], p[1]), 4, t.fill);
  if (p == "TZ" || p == "tz") return p == "TZ" ? "UTC" : "utc";
  return {};
}

std::string ordinal(const std::string& digits, bool upper) {
  const char last = digits.empty() ? '0' : digits.back();
  const bool teen = digits.size() > 1 && digits[digits.size() - 2] == '1';
  const char* out = teen ? "th" : last == '1' ? "st" : last == '2' ? "nd" : last == '3' ? "rd" : "th";
  return in_case(out, upper ? 'A' : 'a', upper ? 'A' : 'a');
}

Str timestamp_to_char(KernelCall& c, int64_t us, Str format) {
  Moment m{};
  m.us = us;
  m.days = static_cast<int32_t>(floor_div(us, data::kMicrosPerDay));
  m.time = us - m.days * data::kMicrosPerDay;
  unsigned month = 0;
  unsigned day = 0;
  data::civil_from_days(m.days, m.year, month, day);
  m.month = static_cast<int>(month);
  m.day = static_cast<int>(day);
  std::string out;
  std::string before;
  for (const Token& t : tokens_of(format.view())) {
    std::string piece = t.pattern.empty() ? t.literal : expand(t, m);
    if (t.pattern == "TH" || t.pattern == "th") piece = ordinal(before, t.pattern == "TH");
    out += piece;
    before = piece;
  }
  return c.arena.copy(out);
}
Str date_to_char(KernelCall& c, int32_t days, Str format) {
  return timestamp_to_char(c, int64_t{days} * data::kMicrosPerDay, format);
}

// --- numbers: 9 0 . , D G S MI PR FM
std::string number_to_char(__int128 scaled, int scale, std::string_view format) {
  bool fill = true;
  int whole = 0;
  int fraction = 0;
  int least_whole = 0;  // digits before the point that are shown even when zero
  bool point = false;
  bool sign_anchored = false;
  bool minus_behind = false;
  bool brackets = false;
  std::string body;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const std::string_view rest = format.substr(i);
    const auto is = [&](std::string_view upper, std::string_view lower) { return rest.starts_with(upper) || rest.starts_with(lower); };
    if (is("FM", "fm")) fill = false, ++i;
    else if (is("MI", "mi")) minus_behind = true, ++i;
    else if (is("PR", "pr")) brackets = true, ++i;
    else if (is("S", "s")) sign_anchored = true, body += 'S';
    else if (rest[0] == '.' || is("D", "d")) point = true, body += '.';
    else if (rest[0] == ',' || is("G", "g")) body += ',';
    else if (rest[0] == '9' || rest[0] == '0') {
      body += rest[0];
      if (point) ++fraction;
      else ++whole;
    } else body += rest[0];
  }
  int seen = 0;
  point = false;
  for (const char ch : body) {
    if (ch == '.') point = true;
    if (point || (ch != '9' && ch != '0')) continue;
    if (ch == '0' && least_whole == 0) least_whole = whole - seen;
    ++seen;
  }
  __int128 rounded = 0;
  if (!data::rescale_decimal(scaled, scale, fraction, rounded)) throw Error(sqlstate::kNumericOutOfRange, "numeric field overflow");
  const bool negative = rounded < 0;
  std::string digits = data::format_decimal(negative ? -rounded : rounded, fraction);
  std::string fraction_digits;
  if (const std::size_t at = digits.find('.'); at != std::string::npos) {
    fraction_digits = digits.substr(at + 1);
    digits = digits.substr(0, at);
  }
  if (digits == "0" && fraction > 0 && least_whole == 0) digits.clear();
  if (static_cast<int>(digits.size()) < least_whole) digits.insert(0, static_cast<std::size_t>(least_whole) - digits.size(), '0');
  const bool overflow = static_cast<int>(digits.size()) > whole;
  std::string out;
  std::size_t place = 0;
  std::size_t fraction_at = 0;
  point = false;
  bool started = false;
  std::size_t sign_at = 0;
  const auto lead = static_cast<std::size_t>(whole) - (overflow ? 0 : digits.size());
  for (const char ch : body) {
    if (ch == '.') {
      point = true;
      out += '.';
      if (!started) sign_at = out.size() - 1;
      started = true;
    } else if (ch == '9' || ch == '0') {
      if (overflow) {
        out += '#';
        started = true;
      } else if (point) {
        out += fraction_digits[fraction_at++];
      } else if (place++ < lead) {
        out += ' ';
      } else {
        if (!started) sign_at = out.size();
        started = true;
        out += digits[place - 1 - lead];
      }
    } else if (ch == ',') {
      out += started ? ',' : ' ';
    } else if (ch != 'S') {
      out += ch;
    }
  }
  if (!started) sign_at = out.size();
  if (!fill && fraction > 0) {
    while (!out.empty() && out.back() == '0' && format.back() == '9') out.pop_back();
  }
  const std::string sign = negative ? "-" : sign_anchored ? "+" : " ";
  if (minus_behind) out += negative ? "-" : " ";
  else if (brackets) out = negative ? out.substr(0, sign_at) + "<" + out.substr(sign_at) + ">" : " " + out + " ";
  else if (sign_anchored && !body.empty() && body.back() == 'S') out += sign;
  else out.insert(sign_at, sign);
  if (fill) return out;
  std::string trimmed;
  for (const char ch : out)
    if (ch != ' ') trimmed += ch;
  return trimmed;
}
Str integer_to_char(KernelCall& c, int64_t v, Str format) { return c.arena.copy(number_to_char(v, 0, format.view())); }
Str decimal_to_char(KernelCall& c, __int128 v, Str format) {
  return c.arena.copy(number_to_char(v, c.call.args[0]->type.scale, format.view()));
}
Str float_to_char(KernelCall& c, double v, Str format) {
  if (!std::isfinite(v) || std::fabs(v) > 1e22) throw Error(sqlstate::kNumericOutOfRange, "numeric field overflow");
  return c.arena.copy(number_to_char(static_cast<__int128>(std::nearbyint(v * 1e15)), 15, format.view()));
}

// --- text to dates
class DateReader {
 public:
  DateReader(std::string_view text, std::string_view format) : whole_(text), rest_(text), format_(format) {}

  int64_t read() {
    for (const Token& t : tokens_of(format_)) {
      if (t.pattern.empty()) skip_literal(t.literal);
      else take(t.pattern);
    }
    if (bc_) year_ = 1 - year_;
    if (month_ < 1 || month_ > 12 || day_ < 1 || day_ > days_in_month(year_, month_)) out_of_range();
    int64_t days = data::days_from_civil(year_, static_cast<unsigned>(month_), static_cast<unsigned>(day_));
    if (day_of_year_ > 0) days = data::days_from_civil(year_, 1, 1) + day_of_year_ - 1;
    if (pm_ && hour_ < 12) hour_ += 12;
    if (am_ && hour_ == 12) hour_ = 0;
    if (hour_ > 24 || minute_ > 59 || second_ > 59) out_of_range();
    return days * data::kMicrosPerDay + ((int64_t{hour_} * 60 + minute_) * 60 + second_) * 1'000'000 + micros_;
  }

 private:
  [[noreturn]] void out_of_range() const {
    throw Error("22008", "date/time field value out of range: \"" + std::string(whole_) + "\"");
  }
  void skip_literal(const std::string& literal) {
    for (const char c : literal) {
      static_cast<void>(c);
      if (!rest_.empty() && !(rest_[0] >= '0' && rest_[0] <= '9')) rest_.remove_prefix(1);
    }
  }
  int digits(std::size_t most) {
    while (!rest_.empty() && rest_[0] == ' ') rest_.remove_prefix(1);
    int value = 0;
    std::size_t n = 0;
    for (; n < rest_.size() && n < most && rest_[n] >= '0' && rest_[n] <= '9'; ++n) value = value * 10 + (rest_[n] - '0');
    if (n == 0)
      throw Error(sqlstate::kInvalidDatetime, "invalid value \"" + std::string(rest_.substr(0, most)) + "\" for \"" + current_ + "\"")
          .detail("Value must be an integer.");
    taken_ = n;
    rest_.remove_prefix(n);
    return value;
  }
  template <std::size_t N>
  int word(const std::array<std::string_view, N>& names, bool whole) {
    for (std::size_t i = 0; i < N; ++i) {
      const std::string_view name = whole ? names[i] : names[i].substr(0, 3);
      if (rest_.size() < name.size()) continue;
      bool same = true;
      for (std::size_t k = 0; k < name.size(); ++k) same = same && (rest_[k] | 0x20) == (name[k] | 0x20);
      if (!same) continue;
      rest_.remove_prefix(name.size());
      return static_cast<int>(i) + 1;
    }
    throw Error(sqlstate::kInvalidDatetime, "invalid value \"" + std::string(rest_.substr(0, 3)) + "\" for \"" + current_ + "\"");
  }
  bool letter(char lower) const { return !rest_.empty() && (rest_[0] | 0x20) == lower; }

  void take(std::string_view p) {
    current_ = p;
    if (p == "YYYY" || p == "IYYY") year_ = digits(4);
    else if (p == "YYY" || p == "YY" || p == "Y") {
      year_ = digits(p.size());
      if (taken_ <= 2) year_ += year_ < 70 ? 2000 : 1900;
    } else if (p == "MM") month_ = digits(2);
    else if (p == "DD") day_ = digits(2);
    else if (p == "DDD") day_of_year_ = digits(3);
    else if (p == "HH24" || p == "HH12" || p == "HH") hour_ = digits(2);
    else if (p == "MI") minute_ = digits(2);
    else if (p == "SS") second_ = digits(2);
    else if (p == "MS") micros_ = fraction(3) * 1000;
    else if (p == "US") micros_ = fraction(6);
    else if (p[0] == 'M' || p[0] == 'm') month_ = word(kMonths, p.size() == 5);
    else if (p.size() == 3 && (p[0] | 0x20) == 'd') word(kDays, true);
    else if (p == "DY" || p == "Dy" || p == "dy") word(kDays, false);
    else if ((p[0] | 0x20) == 'a' || (p[0] | 0x20) == 'p') {
      (letter('p') ? pm_ : am_) = true;
      rest_.remove_prefix(std::min(rest_.size(), p.size()));
    } else if (p == "BC" || p == "B.C." ) {
      bc_ = letter('b');
      rest_.remove_prefix(std::min(rest_.size(), p.size()));
    }
  }
  int64_t fraction(int width) {
    int64_t value = digits(static_cast<std::size_t>(width));
    for (auto k = static_cast<int>(taken_); k < width; ++k) value *= 10;
    return value;
  }

  std::string_view whole_;
  std::string_view rest_;
  std::string_view format_;
  std::string current_;
  std::size_t taken_ = 0;
  int year_ = 1, month_ = 1, day_ = 1, day_of_year_ = 0, hour_ = 0, minute_ = 0, second_ = 0;
  int64_t micros_ = 0;
  bool pm_ = false, am_ = false, bc_ = false;
};
int32_t to_date(KernelCall&, Str text, Str format) {
  return static_cast<int32_t>(floor_div(DateReader(text.view(), format.view()).read(), data::kMicrosPerDay));
}
int64_t to_timestamp(KernelCall&, Str text, Str format) { return DateReader(text.view(), format.view()).read(); }

const Entry kEntries[] = {
    {"to_char(timestamp, text) -> text", scalar<timestamp_to_char>},
    {"to_char(timestamptz, text) -> text", scalar<timestamp_to_char>},
    {"to_char(date, text) -> text", scalar<date_to_char>},
    {"to_char(int8, text) -> text", scalar<integer_to_char>, kCanFail},
    {"to_char(decimal, text) -> text", scalar<decimal_to_char>, kCanFail},
    {"to_char(float8, text) -> text", scalar<float_to_char>, kCanFail},
    {"to_date(text, text) -> date", scalar<to_date>, kCanFail},
    {"to_timestamp(text, text) -> timestamptz", scalar<to_timestamp>, kCanFail},
};

}  // namespace

std::span<const Entry> format_functions() { return kEntries; }

}  // namespace tajo::functions

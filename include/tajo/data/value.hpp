#pragma once
#include <cstdint>
#include <string>
#include <variant>

#include "tajo/common/bytes.hpp"
#include "tajo/data/type.hpp"

namespace tajo::data {

/// One value outside the vectorised path: literals, parameters, statistics, session values. Its SQL type is kept
/// beside it by the owner. int64_t carries bool, integers, dates, times and decimals of up to 18 digits; __int128
/// wider decimals and intervals; double both floats; monostate is NULL.
using Value = std::variant<std::monostate, std::int64_t, __int128, double, std::string>;

inline bool is_null(const Value& v) { return v.index() == 0; }
/// The number in a value that holds an int64_t or an __int128 (asserts otherwise); any number as a double.
__int128 integer_value(const Value& v);
double float_value(const Value& v);

/// Total order within one type (NULL first, NaN last, text bytewise). Both values have the type `type`.
int compare_values(const Value& a, const Value& b, const Type& type);
/// Text form as PostgreSQL prints it (dates ISO, bool t/f, decimals with their scale, floats shortest round-trip).
std::string format_value(const Value& v, const Type& type);
/// Parses PostgreSQL's text input of a type; Error 22P02, 22007, 22003 with the offending text.
/// CHAR(n) is kept without its trailing blanks; text longer than CHAR(n)/VARCHAR(n) is 22001 (unless blanks).
Value parse_value(std::string_view text, const Type& type);

/// 10^exponent, 0 <= exponent <= 38.
__int128 power_of_ten(int exponent);
/// `value` at scale `from` brought to scale `to`, halves rounded away from zero; false when it does not fit 38 digits.
bool rescale_decimal(__int128 value, int from, int to, __int128& out);
/// A scaled integer as int64_t (precision 1..18) or __int128 (wider): the form a Value of that type has.
Value decimal_value(__int128 scaled, const Type& type);
std::string format_decimal(__int128 scaled, int scale);
/// The longest digits and the scale of a decimal literal such as `0.05` or `1e3`; false when it is none or exceeds 38.
bool parse_decimal_literal(std::string_view text, __int128& scaled, int& precision, int& scale);

void put_value(ByteWriter& out, const Value& v);
Value get_value(ByteReader& in);

// Calendar (proleptic Gregorian; Hinnant, "chrono-Compatible Low-Level Date Algorithms").
inline constexpr std::int64_t kMicrosPerDay = 86'400'000'000LL;
std::int32_t days_from_civil(int year, unsigned month, unsigned day);
void civil_from_days(std::int32_t days, int& year, unsigned& month, unsigned& day);

}  // namespace tajo::data

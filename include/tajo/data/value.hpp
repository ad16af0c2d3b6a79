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

/// Total order within one type (NULL first, NaN last, text bytewise). Both values have the type `type`.
int compare_values(const Value& a, const Value& b, const Type& type);
/// Text form as PostgreSQL prints it (dates ISO, bool t/f, decimals with their scale, floats shortest round-trip).
std::string format_value(const Value& v, const Type& type);
/// Parses PostgreSQL's text input of a type; Error 22P02, 22007, 22003 with the offending text.
Value parse_value(std::string_view text, const Type& type);

void put_value(ByteWriter& out, const Value& v);
Value get_value(ByteReader& in);

// Calendar (proleptic Gregorian; Hinnant, "chrono-Compatible Low-Level Date Algorithms").
std::int32_t days_from_civil(int year, unsigned month, unsigned day);
void civil_from_days(std::int32_t days, int& year, unsigned& month, unsigned& day);

}  // namespace tajo::data

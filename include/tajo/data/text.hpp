#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "tajo/data/type.hpp"

namespace tajo::data {

/// Typed text conversions under parse_value/format_value, for loops that must not build a Value per cell.
/// All accept surrounding blanks as PostgreSQL does; errors 22P02 (syntax), 22007/22008 (dates), 22003 (range).
bool parse_bool(std::string_view text);
std::int64_t parse_integer(std::string_view text, TypeId type);
double parse_float(std::string_view text, TypeId type);       ///< FLOAT4: already rounded to float
__int128 parse_decimal(std::string_view text, const Type& type);  ///< scaled and rounded to type.scale
std::int32_t parse_date(std::string_view text);
std::int64_t parse_time(std::string_view text);
/// With a zone in the text and `with_zone`: converted to UTC; without `with_zone` a zone is ignored.
std::int64_t parse_timestamp(std::string_view text, bool with_zone);
Interval parse_interval(std::string_view text);
std::string parse_blob(std::string_view text);

void append_integer(std::string& out, std::int64_t value);
void append_float(std::string& out, double value);    ///< shortest text that reads back the same double
void append_float(std::string& out, float value);
void append_decimal(std::string& out, __int128 scaled, int scale);
void append_date(std::string& out, std::int32_t days);
void append_time(std::string& out, std::int64_t micros);
void append_timestamp(std::string& out, std::int64_t micros, bool with_zone);
void append_interval(std::string& out, const Interval& interval);
void append_blob(std::string& out, std::string_view bytes);

/// Characters (not bytes) of a UTF-8 text, and the byte offset of character `n` (0-based; size() when there are fewer).
std::size_t utf8_length(std::string_view text);
std::size_t utf8_offset(std::string_view text, std::size_t n);
/// What CHAR(n)/VARCHAR(n) keep of a text: without trailing blanks (CHAR), cut to n characters when only blanks are
/// lost; else 22001, or a plain cut when `truncate` (an explicit cast).
std::string_view fit_text(std::string_view text, const Type& type, bool truncate);

}  // namespace tajo::data

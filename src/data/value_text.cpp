#include "tajo/common/error.hpp"
#include "tajo/data/text.hpp"
#include "tajo/data/value.hpp"
#include "text_scan.hpp"

namespace tajo::data {

std::string format_value(const Value& v, const Type& type) {
  if (is_null(v)) return "NULL";
  std::string out;
  if (const auto* text = std::get_if<std::string>(&v)) {
    if (type.id == TypeId::kBlob) append_blob(out, *text);
    else out = *text;
    return out;
  }
  switch (type.id) {
    case TypeId::kBool: return integer_value(v) != 0 ? "t" : "f";
    case TypeId::kInt1:
    case TypeId::kInt2:
    case TypeId::kInt4:
    case TypeId::kInt8: append_decimal(out, integer_value(v), 0); return out;
    case TypeId::kFloat4: append_float(out, static_cast<float>(float_value(v))); return out;
    case TypeId::kFloat8: append_float(out, float_value(v)); return out;
    case TypeId::kDecimal: append_decimal(out, integer_value(v), type.scale); return out;
    case TypeId::kDate: append_date(out, static_cast<std::int32_t>(integer_value(v))); return out;
    case TypeId::kTime: append_time(out, static_cast<std::int64_t>(integer_value(v))); return out;
    case TypeId::kTimestamp: append_timestamp(out, static_cast<std::int64_t>(integer_value(v)), false); return out;
    case TypeId::kTimestampTz: append_timestamp(out, static_cast<std::int64_t>(integer_value(v)), true); return out;
    case TypeId::kInterval: append_interval(out, unpack_interval(integer_value(v))); return out;
    default: break;
  }
  append_decimal(out, integer_value(v), 0);
  return out;
}

Value parse_value(std::string_view text, const Type& type) {
  switch (type.id) {
    case TypeId::kBool: return std::int64_t{parse_bool(text)};
    case TypeId::kInt1:
    case TypeId::kInt2:
    case TypeId::kInt4:
    case TypeId::kInt8: return parse_integer(text, type.id);
    case TypeId::kFloat4:
    case TypeId::kFloat8: return parse_float(text, type.id);
    case TypeId::kDecimal: return decimal_value(parse_decimal(text, type), type);
    case TypeId::kDate: return std::int64_t{parse_date(text)};
    case TypeId::kTime: return parse_time(text);
    case TypeId::kTimestamp: return parse_timestamp(text, false);
    case TypeId::kTimestampTz: return parse_timestamp(text, true);
    case TypeId::kInterval: return pack_interval(parse_interval(text));
    case TypeId::kChar:
    case TypeId::kVarchar: return std::string(fit_text(text, type, false));
    case TypeId::kBlob: return parse_blob(text);
    case TypeId::kText:
    case TypeId::kUnknown: return std::string(text);
  }
  TAJO_ASSERT(!"type outside its enumeration");
}

std::size_t utf8_length(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

std::size_t utf8_offset(std::string_view text, std::size_t n) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (seen++ == n) return i;
  }
  return text.size();
}

std::string_view fit_text(std::string_view text, const Type& type, bool truncate) {
  std::string_view kept = text;
  if (type.id == TypeId::kChar)
    while (!kept.empty() && kept.back() == ' ') kept.remove_suffix(1);
  if (type.length == 0 || kept.size() <= type.length) return kept;
  const std::size_t end = utf8_offset(kept, type.length);
  if (!truncate)
    for (const char c : kept.substr(end))
      if (c != ' ') throw Error("22001", "value too long for type " + postgres_type_name(type));
  kept = kept.substr(0, end);
  if (type.id == TypeId::kChar)
    while (!kept.empty() && kept.back() == ' ') kept.remove_suffix(1);
  return kept;
}

void append_blob(std::string& out, std::string_view bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\x";
  for (const char c : bytes) {
    out += kHex[static_cast<unsigned char>(c) >> 4];
    out += kHex[static_cast<unsigned char>(c) & 15];
  }
}

namespace {

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

[[noreturn]] void invalid_blob() { throw Error(sqlstate::kInvalidText, "invalid input syntax for type bytea"); }

}  // namespace

std::string parse_blob(std::string_view text) {
  std::string out;
  if (text.substr(0, 2) == "\\x") {
    int high = -1;
    for (const char c : text.substr(2)) {
      if (is_blank(c) && high < 0) continue;
      const int digit = hex_digit(c);
      if (digit < 0)
        throw Error(sqlstate::kInvalidParameter, std::string("invalid hexadecimal digit: \"") + c + "\"");
      if (high < 0) {
        high = digit;
      } else {
        out += static_cast<char>(high * 16 + digit);
        high = -1;
      }
    }
    if (high >= 0) throw Error(sqlstate::kInvalidParameter, "invalid hexadecimal data: odd number of digits");
    return out;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '\\') {
      out += text[++i];
    } else {
      int byte = 0;
      if (i + 3 >= text.size()) invalid_blob();
      for (int k = 1; k <= 3; ++k) {
        const char c = text[i + static_cast<std::size_t>(k)];
        if (c < '0' || c > '7') invalid_blob();
        byte = byte * 8 + (c - '0');
      }
      if (byte > 255) invalid_blob();
      out += static_cast<char>(byte);
      i += 3;
    }
  }
  return out;
}

}  // namespace tajo::data

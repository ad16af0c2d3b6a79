// Functions clients call on rows of pg_catalog: names of types, sizes, and arrays. There is no array type: an array is
// text in PostgreSQL's form `{a,b}`, which is how pg_catalog's array columns and ARRAY[…] come.
#include <cstdio>
#include <optional>
#include <vector>

#include "registry.hpp"

namespace tajo::functions {

namespace {

using std::int32_t;
using std::int64_t;
using Bool = std::uint8_t;
using Elements = std::vector<std::optional<std::string>>;

Elements elements_of(std::string_view array) {
  Elements out;
  const std::size_t open = array.find('{');
  if (open == std::string_view::npos) {  // int2vector and oidvector: numbers between blanks
    for (std::size_t at = 0; at < array.size();) {
      const std::size_t end = std::min(array.find(' ', at), array.size());
      if (end > at) out.emplace_back(std::string(array.substr(at, end - at)));
      at = end + 1;
    }
    return out;
  }
  std::size_t at = open + 1;
  while (at < array.size() && array[at] != '}') {
    std::string element;
    bool quoted = false;
    bool inside = false;
    for (; at < array.size() && (inside || (array[at] != ',' && array[at] != '}')); ++at) {
      if (array[at] == '"') {
        inside = !inside;
        quoted = true;
      } else {
        if (array[at] == '\\' && at + 1 < array.size()) ++at;
        element += array[at];
      }
    }
    if (!quoted && (element == "NULL" || element == "null")) out.emplace_back();
    else out.emplace_back(std::move(element));
    if (at < array.size() && array[at] == ',') ++at;
  }
  return out;
}

std::string quoted_element(std::string_view element) {
  const bool plain = !element.empty() && element != "NULL" && element != "null" && element.find_first_of("{},\"\\ \t\n") == std::string_view::npos;
  if (plain) return std::string(element);
  std::string out = "\"";
  for (const char c : element) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string join(const Elements& elements, std::string_view separator, std::optional<std::string_view> null_text) {
  std::string out;
  bool first = true;
  for (const auto& element : elements) {
    if (!element && !null_text) continue;
    if (!first) out += separator;
    first = false;
    out += element ? std::string_view(*element) : *null_text;
  }
  return out;
}

Str array_to_string(KernelCall& c, Str array, Str separator) {
  return c.arena.copy(join(elements_of(array.view()), separator.view(), std::nullopt));
}
Str array_to_string_null(KernelCall& c, Str array, Str separator, Str null_text) {
  return c.arena.copy(join(elements_of(array.view()), separator.view(), null_text.view()));
}
std::optional<int32_t> array_upper(KernelCall&, Str array, int32_t dimension) {
  const std::size_t count = elements_of(array.view()).size();
  if (dimension != 1 || count == 0) return std::nullopt;
  return static_cast<int32_t>(count);
}
std::optional<int32_t> array_lower(KernelCall& c, Str array, int32_t dimension) {
  if (!array_upper(c, array, dimension)) return std::nullopt;
  return 1;
}
int32_t cardinality(KernelCall&, Str array) { return static_cast<int32_t>(elements_of(array.view()).size()); }
std::optional<Str> array_element(KernelCall& c, Str array, int32_t index) {
  const Elements elements = elements_of(array.view());
  if (index < 1 || static_cast<std::size_t>(index) > elements.size() || !elements[static_cast<std::size_t>(index) - 1]) return std::nullopt;
  return c.arena.copy(*elements[static_cast<std::size_t>(index) - 1]);
}
std::optional<int32_t> array_position(KernelCall&, Str array, Str wanted) {
  const Elements elements = elements_of(array.view());
  for (std::size_t i = 0; i < elements.size(); ++i)
    if (elements[i] && *elements[i] == wanted.view()) return static_cast<int32_t>(i + 1);
  return std::nullopt;
}
/// `x = ANY (array)`: NULL when only a NULL element could be the match.
std::optional<Bool> array_contains(KernelCall&, Str wanted, Str array) {
  bool null_seen = false;
  for (const auto& element : elements_of(array.view())) {
    if (element && *element == wanted.view()) return Bool{1};
    null_seen = null_seen || !element;
  }
  if (null_seen) return std::nullopt;
  return Bool{0};
}
Str quoted(KernelCall& c, Str element) { return c.arena.copy(quoted_element(element.view())); }

void make_array(KernelCall& c) {
  for_rows(c.selection, [&](std::uint32_t row) {
    std::string out = "{";
    for (std::size_t i = 0; i < c.in.size(); ++i) {
      const std::uint32_t at = c.in[i].form == Vector::Form::kConstant ? 0 : row;
      if (i > 0) out += ',';
      out += !data::row_valid(c.in[i].valid, at) ? "NULL" : quoted_element(c.in[i].as<Str>()[at].view());
    }
    static_cast<Str*>(c.out)[row] = c.arena.copy(out + "}");
  });
}

struct TypeName {
  int64_t oid;
  const char* name;
};
constexpr TypeName kTypeNames[] = {{16, "boolean"},
                                   {17, "bytea"},
                                   {18, "\"char\""},
                                   {19, "name"},
                                   {20, "bigint"},
                                   {21, "smallint"},
                                   {22, "int2vector"},
                                   {23, "integer"},
                                   {24, "regproc"},
                                   {25, "text"},
                                   {26, "oid"},
                                   {28, "xid"},
                                   {30, "oidvector"},
                                   {700, "real"},
                                   {701, "double precision"},
                                   {705, "unknown"},
                                   {1042, "character"},
                                   {1043, "character varying"},
                                   {1082, "date"},
                                   {1083, "time without time zone"},
                                   {1114, "timestamp without time zone"},
                                   {1184, "timestamp with time zone"},
                                   {1186, "interval"},
                                   {1700, "numeric"},
                                   {2205, "regclass"},
                                   {2206, "regtype"},
                                   {2249, "record"},
                                   {2278, "void"}};
constexpr TypeName kArrayTypeNames[] = {{1000, "boolean[]"},
                                        {1001, "bytea[]"},
                                        {1002, "\"char\"[]"},
                                        {1003, "name[]"},
                                        {1005, "smallint[]"},
                                        {1007, "integer[]"},
                                        {1009, "text[]"},
                                        {1014, "character[]"},
                                        {1015, "character varying[]"},
                                        {1016, "bigint[]"},
                                        {1021, "real[]"},
                                        {1022, "double precision[]"},
                                        {1028, "oid[]"},
                                        {1115, "timestamp without time zone[]"},
                                        {1182, "date[]"},
                                        {1183, "time without time zone[]"},
                                        {1185, "timestamp with time zone[]"},
                                        {1187, "interval[]"},
                                        {1231, "numeric[]"}};

/// PostgreSQL's display of a type id and modifier; -1 and NULL: no modifier.
std::string type_display(int64_t oid, int64_t modifier) {
  for (const TypeName& type : kTypeNames) {
    if (type.oid != oid) continue;
    if (oid == 1042 && modifier < 0) return "bpchar";
    if ((oid == 1042 || oid == 1043) && modifier >= 4) return std::string(type.name) + "(" + std::to_string(modifier - 4) + ")";
    if (oid == 1700 && modifier >= 4)
      return "numeric(" + std::to_string(((modifier - 4) >> 16) & 0xFFFF) + "," + std::to_string((modifier - 4) & 0x7FF) + ")";
    return type.name;
  }
  for (const TypeName& type : kArrayTypeNames)
    if (type.oid == oid) return type.name;
  return oid == 0 ? "-" : "???";
}

void format_type(KernelCall& c) {
  for_rows(c.selection, [&](std::uint32_t row) {
    const auto at = [&](std::size_t i) { return c.in[i].form == Vector::Form::kConstant ? 0U : row; };
    if (!data::row_valid(c.in[0].valid, at(0))) return c.set_null(row);
    const int64_t oid = c.in[0].as<int64_t>()[at(0)];
    // character without a modifier is shown as such when the caller has none to give, as bpchar when it says -1
    const bool none = !data::row_valid(c.in[1].valid, at(1));
    std::string name = type_display(oid, none ? 0 : c.in[1].as<int64_t>()[at(1)]);
    static_cast<Str*>(c.out)[row] = c.arena.copy(name);
  });
}

Str pretty_size(KernelCall& c, int64_t bytes) {
  static const char* const kUnits[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  // A unit goes on to ten thousand of it; halves are rounded away from zero.
  int64_t value = bytes < 0 ? -bytes : bytes;
  std::size_t unit = 0;
  for (; value >= 10240 && unit + 1 < std::size(kUnits); ++unit) value = (value + 512) / 1024;
  return c.arena.copy((bytes < 0 ? "-" : "") + std::to_string(value) + " " + kUnits[unit]);
}

constexpr int32_t kUtf8Encoding = 6;  // PostgreSQL's number for it
Str encoding_name(KernelCall& c, int32_t encoding) { return c.arena.copy(encoding == kUtf8Encoding ? "UTF8" : encoding == 0 ? "SQL_ASCII" : ""); }
int32_t encoding_number(KernelCall&, Str name) {
  const std::string_view n = name.view();
  return n == "UTF8" || n == "utf8" || n == "UTF-8" ? kUtf8Encoding : -1;
}

/// The length of a series made for each row of other tables: it must stay below a bound.
int64_t lateral_rows(KernelCall&, int64_t count, int64_t most) {
  if (count > most) throw Error("54000", "a series over columns has more than " + std::to_string(most) + " rows");
  return count;
}

Str json_quote(KernelCall& c, Str text) {
  std::string out = "\"";
  for (const char ch : text.view()) {
    char escaped[8];
    if (ch == '"' || ch == '\\') out += {'\\', ch};
    else if (ch == '\n') out += "\\n";
    else if (ch == '\t') out += "\\t";
    else if (ch == '\r') out += "\\r";
    else if (static_cast<unsigned char>(ch) < 0x20) {
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(ch));
      out += escaped;
    } else out += ch;
  }
  return c.arena.copy(out + '"');
}

Str quote_literal(KernelCall& c, Str text) {
  std::string out = "'";
  for (const char ch : text.view()) {
    if (ch == '\'') out += '\'';
    if (ch == '\\') out += '\\';
    out += ch;
  }
  out += '\'';
  return c.arena.copy(out.find('\\') == std::string::npos ? out : "E" + out);
}

const Entry kEntries[] = {
    {"array_to_string(text, text) -> text", scalar<array_to_string>},
    {"array_to_string(text, text, text) -> text", scalar<array_to_string_null>},
    {"array_upper(text, int4) -> int4", scalar<array_upper>, kMayBeNull},
    {"array_lower(text, int4) -> int4", scalar<array_lower>, kMayBeNull},
    {"array_length(text, int4) -> int4", scalar<array_upper>, kMayBeNull},
    {"cardinality(text) -> int4", scalar<cardinality>},
    {"array_element(text, int4) -> text", scalar<array_element>, kMayBeNull},
    {"array_position(text, text) -> int4", scalar<array_position>, kMayBeNull},
    {"array_contains(text, text) -> bool", scalar<array_contains>, kMayBeNull},
    {"array_quote(text) -> text", scalar<quoted>},
    {"make_array(text...) -> text", make_array, kNotStrict},
    {"format_type(int8, int8) -> text", format_type, kNotStrict},
    {"pg_size_pretty(int8) -> text", scalar<pretty_size>},
    {"pg_encoding_to_char(int4) -> text", scalar<encoding_name>},
    {"pg_char_to_encoding(text) -> int4", scalar<encoding_number>},
    {"lateral_rows(int8, int8) -> int8", scalar<lateral_rows>, kCanFail},
    {"json_quote(text) -> text", scalar<json_quote>},
    {"quote_literal(text) -> text", scalar<quote_literal>},
};

}  // namespace

std::span<const Entry> catalog_functions() { return kEntries; }

}  // namespace tajo::functions

#include "result_json.hpp"

#include <cmath>

#include "rest_answer.hpp"
#include "tajo/common/error.hpp"
#include "tajo/data/load.hpp"
#include "tajo/data/type.hpp"
#include "tajo/data/value.hpp"

namespace tajo::http {
namespace {

void put_text(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void put_value(std::string& out, const data::Value& value, const data::Type& type) {
  if (data::is_null(value)) {
    out += "null";
  } else if (type.id == data::TypeId::kBool) {
    out += std::get<std::int64_t>(value) != 0 ? "true" : "false";
  } else if (type.is_integer() || (type.is_float() && std::isfinite(data::float_value(value)))) {
    out += data::format_value(value, type);
  } else {
    put_text(out, data::format_value(value, type));
  }
}

/// Of a result, not of a statement: what is not there is not there.
int status_of_result(const Error& error) {
  if (error.sqlstate() == "42704" || error.sqlstate() == "42809") return 404;
  return status_of(error.sqlstate());
}

}  // namespace

void RowsJson::columns(std::span<const data::Column> columns) {
  columns_.assign(columns.begin(), columns.end());
  text_ += "\"columns\":[";
  for (const data::Column& c : columns) {
    if (&c != columns.data()) text_ += ',';
    text_ += "{\"name\":";
    put_text(text_, c.name);
    text_ += ",\"type\":";
    put_text(text_, data::type_name(c.type));
    text_ += '}';
  }
  text_ += "],\"rows\":[";
}

void RowsJson::rows(const data::Batch& batch) {
  for (std::uint32_t i = 0; i < batch.selection.count; ++i) {
    text_ += first_ ? "[" : ",[";
    first_ = false;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (c > 0) text_ += ',';
      put_value(text_, data::value_at(batch.columns[c], batch.selection[i], columns_[c].type), columns_[c].type);
    }
    text_ += ']';
    if (text_.size() > kMaxResultBytes) throw Error("54000", "the result is larger than 16 MiB of JSON");
  }
}

void RowsJson::complete(const std::string&) {
  if (!text_.empty()) text_ += ']';
}

Response recorded_result(master::ClientService& service, const std::string& user, const std::string& query_id) {
  RowsJson rows;
  try {
    service.look(user, "SELECT * FROM query_result('" + query_id + "')", rows);
  } catch (const Error& error) {
    return failure(status_of_result(error), error);
  }
  return {200, {{"Content-Type", "application/json"}}, "{\"query_id\":\"" + query_id + "\"," + rows.text() + "}\n"};
}

}  // namespace tajo::http

#include "result_json.hpp"

#include <cmath>

#include "tajo/common/error.hpp"
#include "tajo/data/load.hpp"
#include "tajo/data/type.hpp"
#include "tajo/data/value.hpp"

namespace tajo::http {
namespace {

constexpr std::string_view kTooLarge = "54000";

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

class JsonSink : public master::ResultSink {
 public:
  explicit JsonSink(const std::string& query_id) {
    out = "{\"query_id\":";
    put_text(out, query_id);
  }
  void columns(std::span<const data::Column> columns) override {
    columns_.assign(columns.begin(), columns.end());
    out += ",\"columns\":[";
    for (const data::Column& c : columns) {
      if (&c != columns.data()) out += ',';
      out += "{\"name\":";
      put_text(out, c.name);
      out += ",\"type\":";
      put_text(out, data::type_name(c.type));
      out += '}';
    }
    out += "],\"rows\":[";
  }
  void rows(const data::Batch& batch) override {
    for (std::uint32_t i = 0; i < batch.selection.count; ++i) {
      out += first_ ? "[" : ",[";
      first_ = false;
      for (std::size_t c = 0; c < columns_.size(); ++c) {
        if (c > 0) out += ',';
        put_value(out, data::value_at(batch.columns[c], batch.selection[i], columns_[c].type), columns_[c].type);
      }
      out += ']';
      if (out.size() > kMaxResultBytes) throw Error(kTooLarge, "the result is larger than 16 MiB of JSON");
    }
  }
  void complete(const std::string&) override { out += "]}\n"; }
  void notice(const std::string&, const Error&) override {}
  void parameter_status(const std::string&, const std::string&) override {}

  std::string out;

 private:
  std::vector<data::Column> columns_;
  bool first_ = true;
};

int status_of(const std::string& state) {
  if (state == "42704" || state == "42809") return 404;
  if (state == "42501") return 403;
  if (state == "55000") return 410;
  if (state == kTooLarge) return 413;
  return 503;
}

}  // namespace

Response recorded_result(master::ClientService& service, const std::string& user, const std::string& query_id) {
  if (query_id.empty() || query_id.find_first_not_of("q_0123456789") != std::string::npos) return plain(404, "this is no query id");
  master::SessionToken session;
  Response response{200, {{"Content-Type", "application/json"}}, ""};
  try {
    master::SessionOptions options;
    options.user = user;
    options.client = "http";
    session = service.open_session(options).token;
    JsonSink sink(query_id);
    service.execute(session, "SELECT * FROM query_result('" + query_id + "')", sink, nullptr);
    response.body = std::move(sink.out);
  } catch (const Error& error) {
    response = plain(status_of(error.sqlstate()), error.what());
  }
  if (!session.empty()) service.close_session(session);
  return response;
}

}  // namespace tajo::http

#include "result_stream.hpp"

#include "message.hpp"
#include "wire_types.hpp"

namespace tajo::pgwire {
namespace {
constexpr std::size_t kCopyReadBytes = 64 * 1024;  // what has already arrived is handed over together up to here
}

void put_command_complete(std::string& out, std::string_view tag) {
  OutMessage message(out, 'C');
  put_text(out, tag);
}

void ResultStream::columns(std::span<const data::Column> columns) {
  answered_ = true;
  if (described_ == nullptr) {
    put_row_description(socket_.out(), columns, {});
  } else {
    bool same = columns.size() == described_->size();
    for (std::size_t i = 0; same && i < columns.size(); ++i) same = oid_of(columns[i].type) == oid_of((*described_)[i].type);
    if (!same) throw Error(sqlstate::kFeatureNotSupported, "cached plan must not change result type");
  }
  encoder_.emplace(columns, formats_, settings_.zone);
}

void ResultStream::rows(const data::Batch& batch) {
  TAJO_ASSERT(encoder_.has_value());
  for (std::uint32_t i = 0; i < batch.selection.count; ++i) {
    encoder_->put_row(spool_ != nullptr ? spool_->buffer() : socket_.out(), batch, batch.selection[i]);
    if (spool_ == nullptr) socket_.flush_if_large();
  }
  if (spool_ != nullptr) spool_->settle();
}

void ResultStream::complete(const std::string& tag) {
  answered_ = true;
  if (spool_ != nullptr) {
    kept_tag_ = tag;
  } else {
    put_command_complete(socket_.out(), tag);
  }
}

void ResultStream::notice(const std::string& severity, const Error& text) {
  put_notice(socket_.out(), severity, text);
  socket_.flush();  // a notice is for now, not for the end of the statement
}

std::string wire_name(const std::string& setting) {
  std::string folded;
  for (char c : setting) folded.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  for (const char* name : {"TimeZone", "DateStyle", "IntervalStyle"})
    if (std::equal(folded.begin(), folded.end(), name, name + std::strlen(name),
                   [](char a, char b) { return a == static_cast<char>(std::tolower(static_cast<unsigned char>(b))); }))
      return name;
  return folded;
}

void ResultStream::parameter_status(const std::string& name, const std::string& value) {
  const std::string wire = wire_name(name);
  put_parameter_status(socket_.out(), wire, value);
  if (wire != "TimeZone") return;
  if (auto zone = TimeZone::find(value)) settings_.zone = std::move(zone);
}

void CopyFromClient::begin(int columns) {
  ended_ = false;
  {
    OutMessage message(socket_.out(), 'G');
    socket_.out().push_back('\0');  // text
    put_i16(socket_.out(), columns);
    for (int i = 0; i < columns; ++i) put_i16(socket_.out(), 0);
  }
  socket_.flush();
}

std::string CopyFromClient::read() {
  std::string data;
  while (!ended_) {
    // Whole messages that lie in the buffer cost no wait.
    if (!data.empty() && (data.size() >= kCopyReadBytes || socket_.buffered().empty())) break;
    Message message;
    if (!read_message(socket_, message)) throw ConnectionClosed();
    switch (message.type) {
      case 'd':
        data.empty() ? data.swap(message.body) : void(data += message.body);
        break;
      case 'c':
        ended_ = true;
        break;
      case 'f': {
        ended_ = true;
        BodyReader body(message.body);
        throw Error(sqlstate::kQueryCanceled, "COPY from stdin failed: " + std::string(body.text()));
      }
      case 'H':
      case 'S':
        break;  // libpq sends Sync before it knows that it copies
      case 'X':
        throw ConnectionClosed();
      default:
        ended_ = true;
        throw Error(sqlstate::kProtocolViolation,
                    std::string("unexpected message type ") + message.type + " during COPY from stdin");
    }
  }
  return data;
}

}  // namespace tajo::pgwire

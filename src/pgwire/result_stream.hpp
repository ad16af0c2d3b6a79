#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "portal_spool.hpp"
#include "row_encoder.hpp"
#include "socket.hpp"
#include "tajo/master/client_service.hpp"

namespace tajo::pgwire {

/// As clients know a setting: `TimeZone`, not `timezone`.
std::string wire_name(const std::string& setting);

/// What of the session's settings the wire needs to know.
struct WireSettings {
  std::shared_ptr<const TimeZone> zone = TimeZone::utc();
};

/// A statement's results on their way to the client.
class ResultStream : public master::ResultSink {
 public:
  /// Simple protocol: text, described by itself.
  ResultStream(Socket& socket, WireSettings& settings) : socket_(socket), settings_(settings) {}
  /// Extended protocol: the client was told `described`; rows go to `spool` when there is one, and then the tag is kept.
  ResultStream(Socket& socket, WireSettings& settings, std::span<const std::int16_t> formats,
               const std::vector<data::Column>& described, PortalSpool* spool)
      : socket_(socket), settings_(settings), formats_(formats.begin(), formats.end()), described_(&described), spool_(spool) {}

  void columns(std::span<const data::Column> columns) override;
  void rows(const data::Batch& batch) override;
  void complete(const std::string& tag) override;
  void notice(const std::string& severity, const Error& text) override;
  void parameter_status(const std::string& name, const std::string& value) override;

  bool nothing_sent() const { return !answered_; }
  const std::string& kept_tag() const { return kept_tag_; }

 private:
  Socket& socket_;
  WireSettings& settings_;
  std::vector<std::int16_t> formats_;
  const std::vector<data::Column>* described_ = nullptr;
  PortalSpool* spool_ = nullptr;
  std::optional<RowEncoder> encoder_;
  bool answered_ = false;
  std::string kept_tag_;
};

void put_command_complete(std::string& out, std::string_view tag);

/// COPY FROM STDIN's side of the client.
class CopyFromClient : public master::CopySource {
 public:
  explicit CopyFromClient(Socket& socket) : socket_(socket) {}
  void begin(int columns) override;
  std::string read() override;

 private:
  Socket& socket_;
  bool ended_ = false;
};

}  // namespace tajo::pgwire

#pragma once
#include <memory>

#include "frame.hpp"

namespace tajo::mpi {

/// What a wire reports, during poll() and on its thread. Handlers may call send and expect functions of the wire.
class WireEvents {
 public:
  virtual ~WireEvents() = default;
  virtual void on_frame(Rank from, int lane, ByteView frame) = 0;
  /// A body asked for by expect_body() is complete.
  virtual void on_body(Rank from, const FrameHeader& announce, Bytes&& body) = 0;
  /// A send with `report` set has left this rank's memory.
  virtual void on_sent(Rank to, int lane) = 0;
  /// A request towards or from this peer failed; nothing more will come from it or go to it.
  virtual void on_failure(Rank peer) = 0;
};

/// Unreliable carrier of frames and bodies between ranks on a few lanes; everything returns at once. Implemented by
/// UlfmWire. All calls on the transport's thread.
class Wire {
 public:
  virtual ~Wire() = default;
  virtual void send_frame(Rank to, int lane, const FrameHeader& header, ByteView inline_body, bool report) = 0;
  /// Always reported by on_sent.
  virtual void send_body(Rank to, int lane, std::uint32_t transfer, std::shared_ptr<const Bytes> owner, ByteView body) = 0;
  virtual void expect_body(Rank from, int lane, const FrameHeader& announce) = 0;
  /// Reports what has happened; returns how many events.
  virtual int poll(WireEvents& events) = 0;
  /// Bodies on their way, either direction: they move only while this rank polls.
  virtual int bodies_under_way() const = 0;
};

}  // namespace tajo::mpi

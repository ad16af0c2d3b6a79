#pragma once
#include <mpi.h>

#include <array>
#include <memory>
#include <vector>

#include "link.hpp"
#include "wire.hpp"

namespace tajo::mpi {

/// Wire over Open MPI with ULFM. Only MPI_Irecv, MPI_Send_init + MPI_Start and one MPI_Testsome over all requests:
/// nothing here waits and nothing is collective, so no dead, hung or cut rank can hang this one.
///
/// Sends are persistent requests used once, not MPI_Isend: between the break of a tcp connection and the moment the
/// peer counts as failed, ob1's short cut in MPI_Isend follows a null pointer; a started request waits instead.
///
/// For each peer one receive is posted on lanes 0 and 1, on lane k and k + 1 once a frame went out on lane k, and on
/// k + 1 once one came on lane k; never ANY_SOURCE, which stalls streams between survivors across a failure. A request hit by a failure is leaked together
/// with its buffer: freeing such a receive ends the job. Thread: the one that initialised MPI.
class UlfmWire : public Wire {
 public:
  UlfmWire(const std::array<MPI_Comm, kLanes>& lanes, Rank rank, int size);
  ~UlfmWire() override;

  void send_frame(Rank to, int lane, const FrameHeader& header, ByteView inline_body, bool report) override;
  void send_body(Rank to, int lane, std::uint32_t transfer, std::shared_ptr<const Bytes> owner, ByteView body) override;
  void expect_body(Rank from, int lane, const FrameHeader& announce) override;
  int poll(WireEvents& events) override;
  int bodies_under_way() const override { return bodies_; }

 private:
  using Frame = std::array<std::byte, kFrameBytes>;
  enum class Kind : std::uint8_t { kReceiveFrame, kSendFrame, kSendBody, kReceiveBody };
  struct Operation {
    Kind kind;
    std::uint8_t lane;
    bool report;
    Rank peer;
    std::unique_ptr<Frame> frame;
    std::shared_ptr<const Bytes> owner;
    std::unique_ptr<std::pair<FrameHeader, Bytes>> body;
  };

  void post(Rank from, int lane);
  void add(MPI_Request request, Operation&& operation);
  /// The request started, or null when the peer has failed (then reported by the next poll).
  MPI_Request start(Rank to, int lane, int tag, ByteView bytes);
  void fail(Operation& operation, WireEvents& events);
  void complete(std::size_t index, const MPI_Status& status, WireEvents& events);
  void remove_finished();
  std::unique_ptr<Frame> frame();

  std::array<MPI_Comm, kLanes> lanes_;
  std::vector<std::array<bool, kLanes>> posted_;
  std::vector<bool> failed_;
  std::vector<Rank> failures_;           ///< found while sending, reported by the next poll
  std::vector<MPI_Request> requests_;    ///< parallel to operations_
  std::vector<Operation> operations_;
  std::vector<std::size_t> finished_;
  std::vector<int> indices_;
  std::vector<MPI_Status> statuses_;
  std::vector<std::unique_ptr<Frame>> free_frames_;
  int bodies_ = 0;
};

}  // namespace tajo::mpi

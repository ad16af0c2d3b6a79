#include "ulfm_wire.hpp"

#include <algorithm>

namespace tajo::mpi {
namespace {

constexpr int kFrameTag = 1;
constexpr std::uint32_t kBodyTags = 1U << 20;
constexpr std::size_t kMaxFreeFrames = 1024;

int body_tag(std::uint32_t transfer) { return static_cast<int>(16 + transfer % kBodyTags); }

/// Buffers that MPI may still write to or read from after a failure are given up for good.
template <class Pointer>
void leak(Pointer& pointer) {
  if (pointer) new Pointer(std::move(pointer));
}

}  // namespace

UlfmWire::UlfmWire(const std::array<MPI_Comm, kLanes>& lanes, Rank rank, int size)
    : lanes_(lanes), posted_(static_cast<std::size_t>(size)), failed_(static_cast<std::size_t>(size), false) {
  for (Rank peer = 0; peer < size; ++peer) {
    if (peer == rank) continue;
    post(peer, 0);
    post(peer, 1);
  }
}

UlfmWire::~UlfmWire() {
  // Requests may be active: MPI keeps pointers into these buffers until the process ends.
  for (Operation& o : operations_) {
    leak(o.frame);
    leak(o.body);
    leak(o.owner);
  }
}

std::unique_ptr<UlfmWire::Frame> UlfmWire::frame() {
  if (free_frames_.empty()) return std::make_unique<Frame>();
  auto out = std::move(free_frames_.back());
  free_frames_.pop_back();
  return out;
}

void UlfmWire::add(MPI_Request request, Operation&& operation) {
  requests_.push_back(request);
  operations_.push_back(std::move(operation));
}

void UlfmWire::post(Rank from, int lane) {
  auto& posted = posted_[static_cast<std::size_t>(from)][static_cast<std::size_t>(lane)];
  if (posted || failed_[static_cast<std::size_t>(from)]) return;
  auto buffer = frame();
  MPI_Request request = MPI_REQUEST_NULL;
  if (MPI_Irecv(buffer->data(), kFrameBytes, MPI_BYTE, from, kFrameTag, lanes_[static_cast<std::size_t>(lane)], &request) !=
      MPI_SUCCESS) {
    leak(buffer);
    failures_.push_back(from);
    return;
  }
  posted = true;
  add(request, {Kind::kReceiveFrame, static_cast<std::uint8_t>(lane), false, from, std::move(buffer), nullptr, nullptr});
}

MPI_Request UlfmWire::start(Rank to, int lane, int tag, ByteView bytes) {
  MPI_Request request = MPI_REQUEST_NULL;
  if (MPI_Send_init(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, to, tag, lanes_[static_cast<std::size_t>(lane)],
                    &request) == MPI_SUCCESS &&
      MPI_Start(&request) == MPI_SUCCESS)
    return request;
  failures_.push_back(to);
  return MPI_REQUEST_NULL;
}

void UlfmWire::send_frame(Rank to, int lane, const FrameHeader& header, ByteView inline_body, bool report) {
  if (failed_[static_cast<std::size_t>(to)]) return;
  TAJO_ASSERT(sizeof header + inline_body.size() <= kFrameLimit);
  // The peer answers on the lane it is spoken to, or on the next when it gives that one up.
  post(to, lane);
  post(to, (lane + 1) % kLanes);
  auto buffer = frame();
  std::memcpy(buffer->data(), &header, sizeof header);
  if (!inline_body.empty()) std::memcpy(buffer->data() + sizeof header, inline_body.data(), inline_body.size());
  const MPI_Request request = start(to, lane, kFrameTag, ByteView(*buffer).first(sizeof header + inline_body.size()));
  if (request == MPI_REQUEST_NULL) return leak(buffer);
  add(request, {Kind::kSendFrame, static_cast<std::uint8_t>(lane), report, to, std::move(buffer), nullptr, nullptr});
}

void UlfmWire::send_body(Rank to, int lane, std::uint32_t transfer, std::shared_ptr<const Bytes> owner, ByteView body) {
  if (failed_[static_cast<std::size_t>(to)]) return;
  const MPI_Request request = start(to, lane, body_tag(transfer), body);
  if (request == MPI_REQUEST_NULL) return leak(owner);
  ++bodies_;
  add(request, {Kind::kSendBody, static_cast<std::uint8_t>(lane), true, to, nullptr, std::move(owner), nullptr});
}

void UlfmWire::expect_body(Rank from, int lane, const FrameHeader& announce) {
  if (failed_[static_cast<std::size_t>(from)]) return;
  auto body = std::make_unique<std::pair<FrameHeader, Bytes>>(announce, Bytes(announce.length));
  MPI_Request request = MPI_REQUEST_NULL;
  if (MPI_Irecv(body->second.data(), static_cast<int>(announce.length), MPI_BYTE, from, body_tag(announce.transfer),
                lanes_[static_cast<std::size_t>(lane)], &request) != MPI_SUCCESS) {
    leak(body);
    failures_.push_back(from);
    return;
  }
  ++bodies_;
  add(request, {Kind::kReceiveBody, static_cast<std::uint8_t>(lane), false, from, nullptr, nullptr, std::move(body)});
}

void UlfmWire::fail(Operation& o, WireEvents& events) {
  leak(o.frame);
  leak(o.body);
  leak(o.owner);
  if (o.kind == Kind::kSendBody || o.kind == Kind::kReceiveBody) --bodies_;
  if (o.report) events.on_sent(o.peer, o.lane);
  const auto peer = static_cast<std::size_t>(o.peer);
  if (failed_[peer]) return;
  failed_[peer] = true;
  events.on_failure(o.peer);
}

void UlfmWire::complete(std::size_t index, const MPI_Status& status, WireEvents& events) {
  // Handlers may add operations: nothing of operations_[index] is used by reference across them.
  Operation o = std::move(operations_[index]);
  switch (o.kind) {
    case Kind::kReceiveFrame: {
      int length = 0;
      MPI_Get_count(&status, MPI_BYTE, &length);
      posted_[static_cast<std::size_t>(o.peer)][o.lane] = false;
      post(o.peer, (o.lane + 1) % kLanes);
      events.on_frame(o.peer, o.lane, ByteView(*o.frame).first(static_cast<std::size_t>(std::max(length, 0))));
      if (free_frames_.size() < kMaxFreeFrames) free_frames_.push_back(std::move(o.frame));
      post(o.peer, o.lane);
      break;
    }
    case Kind::kSendFrame:
      if (free_frames_.size() < kMaxFreeFrames) free_frames_.push_back(std::move(o.frame));
      if (o.report) events.on_sent(o.peer, o.lane);
      break;
    case Kind::kSendBody:
      --bodies_;
      events.on_sent(o.peer, o.lane);
      break;
    case Kind::kReceiveBody:
      --bodies_;
      events.on_body(o.peer, o.body->first, std::move(o.body->second));
      break;
  }
}

int UlfmWire::poll(WireEvents& events) {
  for (std::size_t i = 0; i < failures_.size(); ++i) {
    const Rank peer = failures_[i];
    if (failed_[static_cast<std::size_t>(peer)]) continue;
    failed_[static_cast<std::size_t>(peer)] = true;
    events.on_failure(peer);
  }
  failures_.clear();
  const std::size_t count = requests_.size();
  if (count == 0) return 0;
  indices_.resize(count);
  statuses_.resize(count);
  int done = 0;
  const int result = MPI_Testsome(static_cast<int>(count), requests_.data(), &done, indices_.data(), statuses_.data());
  if (done == MPI_UNDEFINED) done = 0;
  const bool errors = result != MPI_SUCCESS;
  for (int i = 0; i < done; ++i) {
    const auto index = static_cast<std::size_t>(indices_[static_cast<std::size_t>(i)]);
    const MPI_Status& status = statuses_[static_cast<std::size_t>(i)];
    if (errors && status.MPI_ERROR != MPI_SUCCESS && status.MPI_ERROR != MPI_ERR_PENDING) {
      Operation o = std::move(operations_[index]);
      fail(o, events);
    } else {
      complete(index, status, events);
      // A send that is through is persistent and inactive now.
      if (requests_[index] != MPI_REQUEST_NULL) MPI_Request_free(&requests_[index]);
    }
    requests_[index] = MPI_REQUEST_NULL;
    finished_.push_back(index);
  }
  if (errors) {
    // Open MPI also retires failed requests that it does not list.
    for (std::size_t index = 0; index < count; ++index) {
      if (requests_[index] != MPI_REQUEST_NULL || std::find(finished_.begin(), finished_.end(), index) != finished_.end())
        continue;
      Operation o = std::move(operations_[index]);
      fail(o, events);
      finished_.push_back(index);
      ++done;
    }
  }
  remove_finished();
  return done;
}

void UlfmWire::remove_finished() {
  std::sort(finished_.begin(), finished_.end(), std::greater<>());
  for (const std::size_t index : finished_) {
    if (index + 1 != requests_.size()) {
      requests_[index] = requests_.back();
      operations_[index] = std::move(operations_.back());
    }
    requests_.pop_back();
    operations_.pop_back();
  }
  finished_.clear();
}

}  // namespace tajo::mpi

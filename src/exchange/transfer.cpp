#include "transfer.hpp"

#include <csignal>

#include "tajo/common/failpoint.hpp"
#include "tajo/common/log.hpp"

namespace tajo::exchange {
namespace {

constexpr auto kTick = std::chrono::seconds(1);
constexpr Micros kSilenceUs = 1'000'000;  // then a ping, which a living peer's transport acknowledges
constexpr std::string_view kReadFailpoint = "task_output_read";
constexpr int kSilentTicks = 10;          // ticks of our own clock: a pause of this rank does not count
using Kind = TransferHead::Kind;

Bytes encode(const TransferHead& head, ByteView body = {}) {
  Bytes out(sizeof head + body.size());
  std::memcpy(out.data(), &head, sizeof head);
  if (!body.empty()) std::memcpy(out.data() + sizeof head, body.data(), body.size());
  return out;
}

TaskId task_of(const TransferHead& h) { return {{h.query_start_ms, h.query_number}, h.stage, h.attempt, h.task}; }

}  // namespace

Transfers::Transfers(mpi::Fabric& fabric, BlockFiles& files, Find find)
    : fabric_(fabric), files_(files), find_(std::move(find)), thread_([this] { run(); }) {
  fabric_.on_message(mpi::Channel::kData, [this](mpi::Message&& m) {
    Event e{Event::Kind::kMessage, std::move(m), kNoRank, {}, nullptr};
    push(std::move(e));
  });
  fabric_.on_writable([this](Rank rank) { push({Event::Kind::kWritable, {}, rank, {}, nullptr}); });
}

Transfers::~Transfers() {
  fabric_.on_message(mpi::Channel::kData, nullptr);
  fabric_.on_writable(nullptr);
  {
    const std::lock_guard lock(events_mutex_);
    stopping_ = true;
  }
  events_changed_.notify_all();
  thread_.join();
}

void Transfers::push(Event&& event) {
  {
    const std::lock_guard lock(events_mutex_);
    events_.push_back(std::move(event));
  }
  events_changed_.notify_one();
}

void Transfers::enlist(std::weak_ptr<StreamReceiver> receiver) {
  const std::lock_guard lock(pulls_mutex_);
  receivers_.push_back(std::move(receiver));
  if (receivers_.size() < purge_at_) return;
  std::erase_if(receivers_, [](const auto& r) { return r.expired(); });
  purge_at_ = std::max<std::size_t>(64, 2 * receivers_.size());
}

std::uint64_t Transfers::open(Rank from, const TaskId& task, std::uint16_t partition, std::size_t credit,
                              std::weak_ptr<StreamReceiver> receiver, std::size_t source) {
  TransferHead h;
  {
    const std::lock_guard lock(pulls_mutex_);
    if (away_.contains(from)) return 0;
    h.stream = ++last_stream_;
    pulls_.emplace(h.stream, Pull{from, std::move(receiver), source});
  }
  h.kind = Kind::kOpen;
  h.partition = partition;
  h.credit = credit;
  h.query_start_ms = task.query.start_ms;
  h.query_number = task.query.number;
  h.stage = task.stage;
  h.attempt = task.attempt;
  h.task = task.task;
  post(from, h);
  return h.stream;
}

void Transfers::credit(Rank from, std::uint64_t stream, std::size_t bytes) {
  TransferHead h;
  h.kind = Kind::kCredit;
  h.stream = stream;
  h.credit = bytes;
  post(from, h);
}

void Transfers::close(Rank from, std::uint64_t stream) {
  if (!pull(stream, from, true)) return;
  TransferHead h;
  h.kind = Kind::kClose;
  h.stream = stream;
  post(from, h);
}

/// Messages to one peer keep their order: what does not fit goes behind what waits already.
void Transfers::post(Rank to, const TransferHead& head) {
  Bytes message = encode(head);
  const std::lock_guard lock(outbox_mutex_);
  auto it = outbox_.find(to);
  if (it == outbox_.end() && fabric_.send(to, mpi::Channel::kData, message)) return;
  outbox_[to].push_back(std::move(message));
}

void Transfers::flush(Rank to) {
  const std::lock_guard lock(outbox_mutex_);
  auto it = outbox_.find(to);
  if (it == outbox_.end()) return;
  while (!it->second.empty()) {
    if (!fabric_.send(to, mpi::Channel::kData, it->second.front())) return;
    it->second.pop_front();
  }
  outbox_.erase(it);
}

std::optional<Transfers::Pull> Transfers::pull(std::uint64_t stream, Rank from, bool forget) {
  const std::lock_guard lock(pulls_mutex_);
  auto it = pulls_.find(stream);
  if (it == pulls_.end() || it->second.from != from) return std::nullopt;
  Pull out = it->second;
  if (forget) pulls_.erase(it);
  return out;
}

void Transfers::peer_lost(Rank rank) { end_pulls(rank, true); }

void Transfers::peer_back(Rank rank) {
  const std::lock_guard lock(pulls_mutex_);
  away_.erase(rank);
}

void Transfers::end_pulls(Rank rank, bool away) {
  std::vector<std::shared_ptr<StreamReceiver>> told;
  {
    const std::lock_guard lock(pulls_mutex_);
    if (away) away_.insert(rank);
    std::erase_if(pulls_, [rank](const auto& p) { return p.second.from == rank; });
    for (const auto& r : receivers_)
      if (auto receiver = r.lock()) told.push_back(std::move(receiver));
  }
  for (const auto& r : told) r->peer_lost(rank);
  push({Event::Kind::kPeerLost, {}, rank, {}, nullptr});
}

void Transfers::forget_peer(Rank rank) {
  std::erase_if(servings_, [rank](const auto& s) { return s.first.first == rank; });
  full_.erase(rank);
  silent_ticks_.erase(rank);
  const std::lock_guard lock(outbox_mutex_);
  outbox_.erase(rank);
}

void Transfers::run() {
  auto next_tick = std::chrono::steady_clock::now() + kTick;
  std::unique_lock lock(events_mutex_);
  while (!stopping_) {
    if (events_.empty()) {
      events_changed_.wait_until(lock, next_tick);
    }
    std::deque<Event> events;
    events.swap(events_);
    lock.unlock();
    for (Event& e : events) {
      handle(e);
      if (last_served_ && !servings_.contains(*last_served_)) end_rank_after_read();
    }
    if (const auto now = std::chrono::steady_clock::now(); now >= next_tick) {
      next_tick = now + kTick;
      watch_silence();
    }
    events.clear();
    lock.lock();
  }
}

void Transfers::handle(Event& event) {
  switch (event.kind) {
    case Event::Kind::kMessage: receive(event.message); break;
    case Event::Kind::kPeerLost: forget_peer(event.rank); break;
    case Event::Kind::kWritable: {
      flush(event.rank);
      if (full_.erase(event.rank) == 0) break;
      const StreamKey first{event.rank, 0};
      for (auto it = servings_.lower_bound(first); it != servings_.end() && it->first.first == event.rank;) {
        const auto current = it++;  // serve() may end it
        serve(current->first, current->second);
      }
      break;
    }
    case Event::Kind::kLoaded: {
      const auto it = servings_.find(event.stream);
      if (it == servings_.end()) break;
      it->second.loading = false;
      it->second.loaded = std::move(event.bytes);
      if (it->second.loaded) {
        serve(it->first, it->second);
        break;
      }
      TransferHead h;  // could not be read back: as good as lost
      h.kind = Kind::kLost;
      h.stream = event.stream.second;
      const Rank to = event.stream.first;
      servings_.erase(it);
      post(to, h);
      break;
    }
  }
}

void Transfers::receive(mpi::Message& message) {
  TransferHead h;
  if (message.payload.size() < sizeof h) return;
  std::memcpy(&h, message.payload.data(), sizeof h);
  if (h.magic != TransferHead::kMagic) {
    log_warn("exchange", "message of rank " + std::to_string(message.source) + " dropped: not of the pull protocol");
    return;
  }
  const Rank source = message.source;
  const StreamKey key{source, h.stream};
  switch (h.kind) {
    case Kind::kOpen: {
      auto output = find_(task_of(h));
      if (!output || h.partition >= output->partitions.size()) {
        TransferHead reply;
        reply.kind = Kind::kLost;
        reply.stream = h.stream;
        post(source, reply);
        return;
      }
      Serving s;
      s.output = std::move(output);
      s.partition = h.partition;
      s.credit = static_cast<std::int64_t>(h.credit);
      const auto it = servings_.insert_or_assign(key, std::move(s)).first;
      if (failpoint_named(kReadFailpoint)) watch_readers(key, task_of(h));
      serve(it->first, it->second);
      return;
    }
    case Kind::kCredit:
      if (const auto it = servings_.find(key); it != servings_.end()) {
        it->second.credit += static_cast<std::int64_t>(h.credit);
        serve(it->first, it->second);
      }
      return;
    case Kind::kClose: servings_.erase(key); return;
    case Kind::kBlock: {
      const auto p = pull(h.stream, source, h.last != 0);
      const auto receiver = p ? p->receiver.lock() : nullptr;
      if (!receiver) return;
      const auto payload = std::make_shared<const Bytes>(std::move(message.payload));
      receiver->block(p->source, {payload, ByteView(*payload).subspan(sizeof h)});
      if (h.last != 0) receiver->end(p->source);
      return;
    }
    case Kind::kEnd:
    case Kind::kLost: {
      const auto p = pull(h.stream, source, true);
      const auto receiver = p ? p->receiver.lock() : nullptr;
      if (!receiver) return;
      if (h.kind == Kind::kEnd)
        receiver->end(p->source);
      else
        receiver->lost(p->source);
      return;
    }
    case Kind::kPing: return;
  }
}

bool Transfers::send_block(const StreamKey& key, ByteView block, bool last) {
  TransferHead h;
  h.kind = Kind::kBlock;
  h.stream = key.second;
  h.last = last ? 1 : 0;
  if (fabric_.send(key.first, mpi::Channel::kData, encode(h, block))) return true;
  full_.insert(key.first);
  return false;
}

/// Sends what the credit allows; ends the stream after its last block.
void Transfers::serve(const StreamKey& key, Serving& serving) {
  if (last_served_ && key != *last_served_) return;
  const auto& blocks = serving.output->partitions[serving.partition];
  if (blocks.empty()) {
    TransferHead h;
    h.kind = Kind::kEnd;
    h.stream = key.second;
    post(key.first, h);
    servings_.erase(StreamKey(key));
    return;
  }
  while (serving.next < blocks.size() && serving.credit > 0 && !serving.loading && !full_.contains(key.first)) {
    const std::shared_ptr<StoredBlock>& block = blocks[serving.next];
    std::shared_ptr<const Bytes> bytes = serving.loaded ? serving.loaded : block->in_memory();
    if (!bytes) {
      serving.loading = true;
      files_.load(block, [this, key](std::shared_ptr<const Bytes> loaded, const std::exception_ptr&) {
        push({Event::Kind::kLoaded, {}, kNoRank, key, std::move(loaded)});
      });
      return;
    }
    if (!send_block(key, *bytes, serving.next + 1 == blocks.size())) {
      serving.loaded = std::move(bytes);
      return;
    }
    serving.loaded.reset();
    serving.credit -= static_cast<std::int64_t>(bytes->size());
    ++serving.next;
  }
  if (serving.next == blocks.size()) servings_.erase(StreamKey(key));
}

/// Failpoint: when a second rank asks for an output, this rank serves the first one's stream to its end, nobody else's,
/// and is gone. So the first has read the output and the second has nothing of it.
void Transfers::watch_readers(const StreamKey& key, const TaskId& task) {
  const auto [first, is_new] = first_readers_.try_emplace(task, key);
  if (is_new || last_served_ || first->second.first == key.first) return;
  if (failpoint(kReadFailpoint)) last_served_ = first->second;
}

void Transfers::end_rank_after_read() {
  log_warn("exchange", "failpoint: this rank ends after one of two consumers has read its output");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // the transport's thread sends what lies in its queue
  std::raise(SIGKILL);
}

/// A peer from which blocks are awaited is pinged when it is silent; after kSilentTicks its outputs count as lost.
/// Views normally say so long before.
void Transfers::watch_silence() {
  std::set<Rank> awaited;
  {
    const std::lock_guard lock(pulls_mutex_);
    for (const auto& [stream, p] : pulls_) awaited.insert(p.from);
  }
  std::erase_if(silent_ticks_, [&](const auto& s) { return !awaited.contains(s.first); });
  for (const Rank r : awaited) {
    if (fabric_.silence_us(r) < kSilenceUs) {
      silent_ticks_.erase(r);
      continue;
    }
    if (++silent_ticks_[r] < kSilentTicks) {
      post(r, TransferHead{});
      continue;
    }
    log_warn("exchange", "rank " + std::to_string(r) + " does not answer: its outputs count as lost");
    end_pulls(r, false);
  }
}

}  // namespace tajo::exchange

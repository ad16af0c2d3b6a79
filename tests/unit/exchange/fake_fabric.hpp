#pragma once
// A fabric between stores of one process: one delivery thread, per-peer queue bound, peers that can be cut.
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "tajo/mpi/fabric.hpp"

namespace tajo::exchange {

class FakeNetwork {
 public:
  class Port final : public mpi::Fabric {
   public:
    Port(FakeNetwork& network, Rank rank) : network_(network), rank_(rank) {}
    Rank rank() const override { return rank_; }
    int size() const override { return static_cast<int>(network_.ports.size()); }
    bool send(Rank to, mpi::Channel channel, Bytes payload) override { return network_.send(rank_, to, channel, std::move(payload)); }
    void on_message(mpi::Channel channel, std::function<void(mpi::Message&&)> handler) override {
      const std::lock_guard lock(handlers_mutex);
      handlers[static_cast<std::size_t>(channel)] = std::move(handler);
    }
    void on_suspect(std::function<void(Rank)>) override {}
    void on_writable(std::function<void(Rank)> handler) override {
      const std::lock_guard lock(handlers_mutex);
      writable = std::move(handler);
    }
    void set_stamp(const mpi::FrameStamp&) override {}
    void reset_peer(Rank, Incarnation) override {}
    void expect_peer(Rank, Incarnation) override {}
    Micros silence_us(Rank) const override { return 0; }

    std::mutex handlers_mutex;
    std::array<std::function<void(mpi::Message&&)>, mpi::kChannels> handlers;
    std::function<void(Rank)> writable;

   private:
    FakeNetwork& network_;
    Rank rank_;
  };

  explicit FakeNetwork(int ranks) {
    for (Rank r = 0; r < ranks; ++r) ports.push_back(std::make_unique<Port>(*this, r));
    thread_ = std::thread([this] { run(); });
  }
  ~FakeNetwork() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  bool send(Rank from, Rank to, mpi::Channel channel, Bytes payload) {
    const std::lock_guard lock(mutex_);
    sent_bytes += payload.size();
    std::size_t& queued = queued_[{from, to}];
    if (queued > 0 && queued + payload.size() > queue_bound) {
      refused_[{from, to}] = true;
      ++refusals;
      changed_.notify_all();
      return false;
    }
    queued += payload.size();
    messages_.push_back({to, {from, channel, {}, std::move(payload)}});
    changed_.notify_all();
    return true;
  }
  /// Messages from and to it vanish.
  void cut(Rank rank) {
    const std::lock_guard lock(mutex_);
    cut_[rank] = true;
  }

  /// Nothing reaches that rank before a sender to it was refused once.
  void clog(Rank rank) {
    const std::lock_guard lock(mutex_);
    clogged_ = rank;
  }

  std::vector<std::unique_ptr<Port>> ports;
  std::size_t queue_bound = std::size_t{32} << 20;
  std::atomic<std::size_t> sent_bytes = 0;
  std::atomic<int> refusals = 0;

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      changed_.wait(lock, [this] { return stop_ || !messages_.empty(); });
      if (!stop_ && messages_.front().first == clogged_)
        changed_.wait_for(lock, std::chrono::seconds(10), [this] { return stop_ || refusals > 0; });
      if (stop_) return;
      auto [to, message] = std::move(messages_.front());
      messages_.pop_front();
      const Rank from = message.source;
      queued_[{from, to}] -= message.payload.size();
      const bool writable = std::exchange(refused_[{from, to}], false);
      const bool dropped = cut_[to] || cut_[from];
      lock.unlock();
      {
        Port& p = *ports[static_cast<std::size_t>(to)];
        const std::lock_guard handlers(p.handlers_mutex);
        auto& handler = p.handlers[static_cast<std::size_t>(message.channel)];
        if (handler && !dropped) handler(std::move(message));
      }
      if (writable) {
        Port& p = *ports[static_cast<std::size_t>(from)];
        const std::lock_guard handlers(p.handlers_mutex);
        if (p.writable) p.writable(to);
      }
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<Rank, mpi::Message>> messages_;
  std::map<std::pair<Rank, Rank>, std::size_t> queued_;
  std::map<std::pair<Rank, Rank>, bool> refused_;
  std::map<Rank, bool> cut_;
  std::optional<Rank> clogged_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace tajo::exchange

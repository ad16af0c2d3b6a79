#include "network.hpp"

#include <ctime>

#include "messages.hpp"
#include "sim.hpp"

namespace tajo::sim {

namespace {
constexpr Micros kUsualDelivery = 550;
}

void Network::send(SimRank& from, Rank to, Bytes payload) {
  SimRank* target = sim_.find(from.world, to);
  if (target == nullptr || !from.alive) return;
  Link& link = links_[{from.host, target->host}];
  if (link.cuts > 0 || !link.held.empty()) {
    link.held.emplace_back(from.stamp_.incarnation, std::move(payload));
    return;
  }
  if (target->alive) transmit(from, *target, std::move(payload));
}

void Network::transmit(SimRank& from, SimRank& to, Bytes payload) {
  Link& link = links_[{from.host, to.host}];
  Micros wait = 50 + static_cast<Micros>(rng_.below(rng_.chance(0.98) ? 500 : 50'000));
  Micros at = std::max(link.last_delivery, sim_.now() + wait);
  link.last_delivery = at;
  if (at - sim_.now() > kUsualDelivery && !payload.empty() && payload[0] == cluster::kClusterTag) {
    const cluster::Kind kind = cluster::decode_letter(payload).kind;
    if (kind == cluster::Kind::kSuspect || kind == cluster::Kind::kYes) slow_votes_ += at - sim_.now() - kUsualDelivery;
  }
  cluster::Stamp stamp = from.stamp_;
  Incarnation receiver = std::max<Incarnation>(1, from.peers[to.rank]);
  sim_.events.after(at - sim_.now(), [this, &from, &to, stamp, receiver, payload = std::move(payload)]() mutable {
    to.run([this, &from, &to, stamp, receiver, payload = std::move(payload)]() mutable {
      if (to.stamp_.incarnation != receiver) {  // meant for its earlier life: it says so, and what comes then is heard
        from.expect_peer(to.rank, to.stamp_.incarnation);
        return;
      }
      to.expect_peer(from.rank, stamp.incarnation);
      if (sim_.options.verbosity > 1) sim_.trace(from, to, stamp, payload);
      deliver(from, to, stamp, std::move(payload));
    });
  });
}

void Network::deliver(SimRank& from, SimRank& to, const cluster::Stamp& stamp, Bytes payload) {
  if (sim_.meter == nullptr) return to.node->on_frame(from.rank, stamp, std::move(payload));
  const std::string name = message_name(payload);
  LoadMeter::Kind& kind = to.serving ? sim_.meter->to_active[name] : sim_.meter->to_others[name];
  ++kind.messages;
  kind.bytes += payload.size();
  if (from.serving) ++sim_.meter->from_active[name].messages;
  timespec begin{}, end{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
  to.node->on_frame(from.rank, stamp, std::move(payload));
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
  kind.cpu_us += static_cast<double>(end.tv_sec - begin.tv_sec) * 1e6 + static_cast<double>(end.tv_nsec - begin.tv_nsec) / 1e3;
}

void Network::reset(SimRank& from, Rank to) {
  SimRank* target = sim_.find(from.world, to);
  if (target != nullptr) links_[{from.host, target->host}].held.clear();
}

void Network::cut(Links links, Micros duration) {
  for (auto [a, b] : links) {
    Link& link = links_[{a, b}];
    ++link.cuts;
    link.changed_at = INT64_MAX / 2;
    SimRank* sufferer = sim_.find_host(b);
    SimRank* lost = sim_.find_host(a);
    // A broken connection may look like a dead process.
    if (rng_.chance(0.3) && sufferer->alive && lost->world == sufferer->world) {
      Rank suspect = lost->rank;
      sufferer->run([sufferer, suspect] { sufferer->node->on_suspect(suspect); });
    }
  }
  sim_.events.after(duration, [this, links] {
    for (auto [a, b] : links) {
      Link& link = links_[{a, b}];
      if (--link.cuts > 0) continue;
      link.changed_at = sim_.now();
      int from = a;
      int to = b;
      sim_.events.after(static_cast<Micros>(rng_.below(150 * kMs)), [this, from, to] { heal(from, to); });
    }
  });
}

void Network::heal(int from, int to) {
  Link& link = links_[{from, to}];
  SimRank* sender = sim_.find_host(from);
  SimRank* receiver = sim_.find_host(to);
  if (link.cuts > 0 || !sender->alive || !receiver->alive) return;
  if (sender->paused) {
    sim_.events.after(100 * kMs, [this, from, to] { heal(from, to); });
    return;
  }
  auto held = std::move(link.held);
  link.held.clear();
  for (auto& [incarnation, payload] : held)
    if (incarnation == sender->stamp_.incarnation) transmit(*sender, *receiver, std::move(payload));
}

bool Network::cut_between(int a, int b) const {
  for (auto link : {std::pair{a, b}, std::pair{b, a}})
    if (auto it = links_.find(link); it != links_.end() && it->second.cuts > 0) return true;
  return false;
}

Micros Network::changed_at(int from, int to) const {
  auto it = links_.find({from, to});
  return it == links_.end() ? 0 : it->second.changed_at;
}

}  // namespace tajo::sim

#include "tajo/master/kept_results.hpp"

namespace tajo::master {
namespace {

std::size_t bytes_of(const protocol::ClientReply& reply) {
  std::size_t bytes = 0;
  for (const auto& block : reply.blocks) bytes += block->size();
  return bytes;
}

}  // namespace

void KeptResults::keep(Reply reply, std::int64_t now_ms) {
  std::lock_guard lock(mutex_);
  Kept& kept = kept_[reply->request_id];
  if (kept.reply) {  // a failed statement that ran again
    bytes_ -= kept.bytes;
    of_query_.erase(kept.reply->query);
  } else {
    order_.push_back(reply->request_id);
  }
  kept.bytes = bytes_of(*reply);
  kept.kept_ms = now_ms;
  bytes_ += kept.bytes;
  if (reply->query) of_query_[reply->query] = reply->request_id;
  kept.reply = std::move(reply);
  while (order_.size() > kMaxKept || bytes_ > kMaxBytesAtAll) drop_oldest();
}

void KeptResults::drop_oldest() {
  auto oldest = kept_.find(order_.front());
  order_.pop_front();
  bytes_ -= oldest->second.bytes;
  of_query_.erase(oldest->second.reply->query);
  kept_.erase(oldest);
}

KeptResults::Reply KeptResults::by_request(const std::string& request_id) const {
  std::lock_guard lock(mutex_);
  auto it = kept_.find(request_id);
  return it == kept_.end() ? nullptr : it->second.reply;
}

KeptResults::Reply KeptResults::by_query(const QueryId& query) const {
  std::lock_guard lock(mutex_);
  auto it = of_query_.find(query);
  return it == of_query_.end() ? nullptr : kept_.at(it->second).reply;
}

KeptResults::Reply KeptResults::to_move() const {
  std::lock_guard lock(mutex_);
  if (bytes_ <= kMaxBytes) return nullptr;
  for (const std::string& id : order_)
    if (const Kept& kept = kept_.at(id); kept.bytes > 0) return kept.reply;
  return nullptr;
}

KeptResults::Reply KeptResults::to_save() const {
  std::lock_guard lock(mutex_);
  std::size_t seen = 0;
  for (auto id = order_.rbegin(); id != order_.rend() && seen < kMaxSaved; ++id) {
    const Reply& reply = kept_.at(*id).reply;
    if (!reply->returns_rows || reply->error || !reply->query) continue;
    ++seen;
    if (reply->result_path.empty()) return reply;
  }
  return nullptr;
}

void KeptResults::moved(const Reply& reply, const std::string& path) {
  auto staged = std::make_shared<protocol::ClientReply>(*reply);
  staged->blocks.clear();
  staged->result_path = path;
  std::lock_guard lock(mutex_);
  auto it = kept_.find(reply->request_id);
  if (it == kept_.end() || it->second.reply != reply) return;
  bytes_ -= it->second.bytes;
  it->second.bytes = 0;
  it->second.reply = std::move(staged);
}

void KeptResults::drop_before(std::int64_t ms) {
  std::lock_guard lock(mutex_);
  while (!order_.empty() && kept_.at(order_.front()).kept_ms < ms) drop_oldest();
}

}  // namespace tajo::master

#include "rank_listener.hpp"

#include <unistd.h>

#include "tajo/common/error.hpp"
#include "tajo/common/log.hpp"
#include "tajo/protocol/messages.hpp"

namespace tajo {

void RankListener::on_view(const cluster::View& view, cluster::Role self) {
  log_info("cluster", "view " + std::to_string(view.number) + " epoch " + std::to_string(view.epoch) + ": " +
                          std::to_string(view.members.size()) + " members, active " + std::to_string(view.active()) + ", I am " +
                          std::string(cluster::role_name(self)));
  worker->on_view(view, self);
  master->on_view(view, self);
  on_membership(view, self);
}

void RankListener::on_evicted() {
  log_warn("cluster", "evicted: tasks and outputs are dropped, asking to be a spare");
  worker->on_evicted();
}

void RankListener::on_exit(const std::string& reason) {
  log_error("cluster", reason);
  ::_exit(1);
}

void RankListener::on_frame(Rank source, Bytes message) {
  if (message.empty()) return;
  if (message[0] == static_cast<std::byte>(protocol::Tag::kLeave)) return on_leave();
  try {
    if (!worker->on_message(source, message) && !master->on_message(source, message))
      log_warn("cluster", "message with unknown tag from rank " + std::to_string(source));
  } catch (const Error& e) {
    log_error("cluster", "message from rank " + std::to_string(source) + ": " + e.message());
  }
}

void RankListener::on_suspicion(Rank rank) { log_warn("cluster", "no sign of life from rank " + std::to_string(rank)); }

void RankListener::on_read_only(bool read_only) {
  log_warn("cluster", read_only ? "the log's disk is full: statements that write fail with 53100" : "the log takes records again");
}

void RankListener::on_log_damaged(const std::string& what) { log_error("cluster", what); }

}  // namespace tajo

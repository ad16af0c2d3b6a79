#include "tajo/journal/log.hpp"

namespace tajo::journal {

Await<FileResult> LogRequests::ask(Call call) {
  return Await<FileResult>(fibers_, [this, call = std::move(call)](std::function<void(FileResult)> done) {
    std::uint64_t id = next_++;
    pending_->emplace(id, fibers_.now());
    call([this, id, pending = std::weak_ptr(pending_), done = std::move(done)](FileResult result) {
      auto alive = pending.lock();
      if (!alive) return;  // the rank ended before its file server answered
      alive->erase(id);
      last_answer_ = fibers_.now();
      if (on_completion_) on_completion_();
      done(std::move(result));
    });
  });
}

Await<FileResult> LogRequests::list_rows() {
  return ask([this](LogFiles::Done done) { files_.list_rows(std::move(done)); });
}
Await<FileResult> LogRequests::make_row(std::string row) {
  return ask([this, row](LogFiles::Done done) { files_.make_row(row, std::move(done)); });
}
Await<FileResult> LogRequests::read_slots(std::string row, std::int64_t first, std::int64_t limit) {
  return ask([this, row, first, limit](LogFiles::Done done) { files_.read_slots(row, first, limit, std::move(done)); });
}
Await<FileResult> LogRequests::make_slot(std::string row, std::int64_t index, std::string text) {
  return ask([this, row, index, text](LogFiles::Done done) { files_.make_slot(row, index, text, std::move(done)); });
}
Await<FileResult> LogRequests::sync_row(std::string row) {
  return ask([this, row](LogFiles::Done done) { files_.sync_row(row, std::move(done)); });
}
Await<FileResult> LogRequests::create_segment(std::string name) {
  return ask([this, name](LogFiles::Done done) { files_.create_segment(name, std::move(done)); });
}
Await<FileResult> LogRequests::append(std::string name, std::uint64_t offset, Bytes data, bool use_reserve) {
  return ask([this, name, offset, data = std::move(data), use_reserve](LogFiles::Done done) {
    files_.append(name, offset, data, use_reserve, std::move(done));
  });
}
Await<FileResult> LogRequests::read_segment(std::string name, std::uint64_t offset, std::uint64_t length, bool fresh) {
  return ask([this, name, offset, length, fresh](LogFiles::Done done) {
    files_.read_segment(name, offset, length, fresh, std::move(done));
  });
}
Await<FileResult> LogRequests::write_snapshot(std::string name, Bytes data) {
  return ask([this, name, data = std::move(data)](LogFiles::Done done) {
    files_.write_snapshot(name, data, std::move(done));
  });
}
Await<FileResult> LogRequests::read_snapshot(std::string name) {
  return ask([this, name](LogFiles::Done done) { files_.read_snapshot(name, std::move(done)); });
}
Await<FileResult> LogRequests::remove_row(std::string row, std::vector<std::string> files) {
  return ask([this, row, files](LogFiles::Done done) { files_.remove_row(row, files, std::move(done)); });
}

Micros LogRequests::oldest_pending_us() const {
  Micros oldest = Fibers::kNever;
  for (const auto& [id, since] : *pending_) oldest = std::min(oldest, since);
  return pending_->empty() ? 0 : std::max<Micros>(0, fibers_.now() - oldest);
}

void LogRequests::shift(Micros away) {
  for (auto& [id, since] : *pending_) since += away;
}

}  // namespace tajo::journal

#include "file_server.hpp"
#include "sim.hpp"

namespace tajo::sim {

void SimLogFiles::list_rows(Done done) {
  server_.submit(rank_, [this] { return server_.list_rows(rank_.host); }, std::move(done));
}

void SimLogFiles::make_row(std::string row, Done done) {
  server_.submit(rank_, [this, row] { return server_.make_row(row); }, std::move(done));
}

void SimLogFiles::read_slots(std::string row, std::int64_t first, std::int64_t limit, Done done) {
  server_.submit(rank_, [this, row, first, limit] { return server_.read_slots(rank_.host, row, first, limit); },
                 std::move(done));
}

void SimLogFiles::make_slot(std::string row, std::int64_t index, std::string text, Done done) {
  auto after = [this, done = std::move(done)](journal::FileResult r) {
    sim_.at_step(rank_, "after the slot");
    // The process may have been stopped or killed at this very point: then it hears of it later, or never.
    rank_.run([done, r = std::move(r)] { done(r); }, true);
  };
  auto send = [this, row, index, text, after] {
    if (!sim_.options.variant.check_then_act) {
      server_.submit(rank_, [this, row, index, text] { return server_.make_slot(rank_, row, index, text); }, after);
      return;
    }
    server_.submit(rank_, [this, row, index] { return server_.read_slots(rank_.host, row, index, 1); },
                   [this, row, index, text, after](journal::FileResult seen) {
                     if (!seen.names.empty()) {
                       seen.status = journal::FileStatus::kExists;
                       seen.text = seen.names[0];
                       after(seen);
                       return;
                     }
                     server_.submit(rank_,
                                    [this, row, index, text] { return server_.overwrite_slot(rank_, row, index, text); },
                                    after);
                   });
  };
  sim_.at_step(rank_, "before the slot");
  // Stopped here, its I/O thread sends the link as its first act after waking, before anybody looks at a clock.
  rank_.run_io(send);
}

void SimLogFiles::sync_row(std::string row, Done done) {
  server_.submit(rank_, [this, row] { return server_.sync_row(rank_.host, row); }, std::move(done));
}

void SimLogFiles::create_segment(std::string name, Done done) {
  server_.submit(rank_, [this, name] { return server_.create_file(rank_.host, name); }, std::move(done));
}

void SimLogFiles::append(std::string name, std::uint64_t offset, Bytes data, bool use_reserve, Done done) {
  server_.submit(rank_,
                 [this, name, offset, data = std::move(data), use_reserve] {
                   return server_.write_file(rank_.host, name, offset, data, use_reserve);
                 },
                 [this, name, done = std::move(done)](journal::FileResult written) {
                   if (written.status != journal::FileStatus::kOk) return done(std::move(written));
                   server_.submit(rank_, [this, name] { return server_.sync_file(rank_.host, name); }, done);
                 });
}

void SimLogFiles::read_segment(std::string name, std::uint64_t offset, std::uint64_t length, bool fresh, Done done) {
  server_.submit(rank_,
                 [this, name, offset, length, fresh] {
                   return server_.read_file(rank_.host, name, offset, length, fresh);
                 },
                 std::move(done));
}

void SimLogFiles::write_snapshot(std::string name, Bytes data, Done done) {
  server_.submit(rank_,
                 [this, name, data = std::move(data)] {
                   journal::FileResult r = server_.create_file(rank_.host, name);
                   if (r.status != journal::FileStatus::kOk) return r;
                   r = server_.write_file(rank_.host, name, 0, data, false);
                   if (r.status != journal::FileStatus::kOk) return r;
                   return server_.sync_file(rank_.host, name);
                 },
                 std::move(done));
}

void SimLogFiles::read_snapshot(std::string name, Done done) {
  server_.submit(rank_, [this, name] { return server_.read_file(rank_.host, name, 0, UINT64_MAX / 2, true); },
                 std::move(done));
}

void SimLogFiles::remove_row(std::string row, std::vector<std::string> files, Done done) {
  server_.submit(rank_, [this, row, files] { return server_.remove_row(row, files); }, std::move(done));
}

}  // namespace tajo::sim
